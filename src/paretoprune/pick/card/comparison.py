"""The pruned model beside the dense one, as a table of a model card."""

from __future__ import annotations

from collections.abc import Mapping

from paretoprune.metrics import QUANTITIES, TIMED, label
from paretoprune.number_format import rounded, written_difference, written_of
from paretoprune.results import Metrics

# Compared as a share of the dense model's value; all others as a difference.
_SHARES = [name for name, quantity in QUANTITIES.items() if quantity.is_logarithmic]


def comparison_table(title: str, dense: Metrics, pruned: Metrics) -> str:
    """A section of Markdown with the metrics of both."""
    before, after = dense.measured(), pruned.measured()
    lines = [f"## {title}\n", "| | dense | pruned | |", "|---|---:|---:|---:|"]
    for name in (*dense.quality, *_SHARES):
        if name in before and name in after:
            lines.append(
                f"| {label(name)} | {written_of(name, before)} | {written_of(name, after)} "
                f"| {_change(name, before, after)} |"
            )
    return "\n".join(lines) + "\n"


def _change(name: str, before: Mapping[str, float], after: Mapping[str, float]) -> str:
    if name not in _SHARES:
        return written_difference(name, after[name] - before[name]).removesuffix(" points")
    if not before[name] or written_of(name, after) == "unsure":
        return ""
    share, spread = 100 * after[name] / before[name], after.get("time_spread")
    if name in TIMED and spread:
        return f"{rounded(share, spread):.4g} % of dense"
    return f"{share:.1f} % of dense"
