"""The pruned model beside the dense one, as a table of a model card."""

from __future__ import annotations

from paretoprune.metrics import QUALITIES, QUANTITIES, label, written
from paretoprune.results import Metrics

# Compared as a share of the dense model's value; all others as a difference.
_SHARES = [name for name, quantity in QUANTITIES.items() if quantity.is_logarithmic]


def comparison_table(title: str, dense: Metrics, pruned: Metrics) -> str:
    """A section of Markdown with what was measured of both."""
    before, after = dense.measured(), pruned.measured()
    lines = [f"## {title}\n", "| | dense | pruned | |", "|---|---:|---:|---:|"]
    for name in (*QUALITIES, *_SHARES):
        if name in before and name in after:
            lines.append(
                f"| {label(name)} | {written(name, before[name])} | {written(name, after[name])} "
                f"| {_change(name, before[name], after[name])} |"
            )
    return "\n".join(lines) + "\n"


def _change(name: str, before: float, after: float) -> str:
    if name not in _SHARES:
        return f"{after - before:+.2f}"
    return f"{100 * after / before:.1f} % of dense" if before else ""
