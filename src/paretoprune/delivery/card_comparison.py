"""The pruned model beside the dense one, as a table of a model card."""

from __future__ import annotations

from paretoprune.delivery.quantities import label, written
from paretoprune.results import Metrics

# Which way each quantity is compared with the dense model's: as a share, or as a difference.
_SHARES = (
    "params",
    "macs",
    "size_bytes",
    "compressed_bytes",
    "stored_bytes",
    "latency_ms",
    "latency_p95_ms",
    "throughput_per_s",
)
_ROWS = ("accuracy", "top5_accuracy", "precision", "recall", "f1", "loss", "calibration_error")


def comparison_table(title: str, dense: Metrics, pruned: Metrics) -> str:
    """A section of Markdown with what was measured of both."""
    before, after = dense.measured(), pruned.measured()
    lines = [f"## {title}\n", "| | dense | pruned | |", "|---|---:|---:|---:|"]
    for name in (*_ROWS, *_SHARES):
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
