"""How measured quantities are named and written for people: `97.2 %`, `1.25M`, `3.4 ms`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from paretoprune.results import BUSY, TIMED, Direction

_LABELS = {
    "accuracy": "accuracy (%)",
    "top5_accuracy": "top-5 accuracy (%)",
    "precision": "precision (%)",
    "recall": "recall (%)",
    "f1": "F1 (%)",
    "loss": "loss (nats)",
    "calibration_error": "calibration error (%)",
    "params": "parameters",
    "macs": "MACs",
    "size_bytes": "size (bytes)",
    "compressed_bytes": "compressed size (bytes)",
    "stored_bytes": "stored size (bytes)",
    "latency_ms": "latency (ms)",
    "latency_p95_ms": "latency, 95th percentile (ms)",
    "throughput_per_s": "throughput (samples per second)",
    "dense_latency_ms": "dense latency (ms)",
    "compression_ratio": "compression ratio (dense / pruned parameters)",
    "theoretical_speedup": "theoretical speedup (dense / pruned MACs)",
    "measured_speedup": "measured speedup (dense / pruned latency)",
    "time_spread": "spread of the times (half the interquartile range, relative)",
    "contention": "contention (wall time / processor time)",
}
_UNITS = {"latency_ms": " ms", "latency_p95_ms": " ms", "dense_latency_ms": " ms"}
_PERCENT = {name for name, label in _LABELS.items() if label.endswith("(%)")}
_BYTES = {"size_bytes", "compressed_bytes", "stored_bytes"}
_COUNTS = {"params", "macs", "throughput_per_s", *_BYTES}
_UNSURE = 0.5  # relative: times that spread as far say nothing
# Factors matter for these, not differences: they are compared and drawn on a logarithmic scale.
LOGARITHMIC = _COUNTS | {"latency_ms", "latency_p95_ms"}


def label(name: str) -> str:
    """The quantity with its unit, for an axis or a heading."""
    return _LABELS.get(name, name)


def written(name: str, value: float, *, spread: float | None = None) -> str:
    """A value of the quantity with its unit, to three or four digits.

    A time has no more digits than its relative `spread` allows, and is `unsure` where that is half
    of it or more.
    """
    if spread is not None and _is_timed(name):
        if spread >= _UNSURE:
            return "unsure"
        value = rounded(value, spread)
    if name in _PERCENT:
        return f"{value:.2f} %"
    if name == "time_spread":
        return f"{float(f'{100 * value:.2g}'):g} %"
    if name in _COUNTS:
        return short_count(value) + ("B" if name in _BYTES else "")
    return f"{value:.4g}{_UNITS.get(name, '')}"


def written_of(name: str, measured: Mapping[str, float]) -> str:
    """One of the quantities that were measured together, to the digits that their spread allows."""
    return written(name, measured[name], spread=measured.get("time_spread"))


def shown(measured: Mapping[str, float]) -> dict[str, float]:
    """What was measured, times rounded to the digits that their spread allows."""
    spread = measured.get("time_spread")
    if spread is None:
        return dict(measured)
    return {
        name: rounded(value, spread) if _is_timed(name) else value
        for name, value in measured.items()
    }


def rounded(value: float, spread: float) -> float:
    """The value to the last digit that is no smaller than what it spreads by."""
    step = abs(value) * spread
    if not (math.isfinite(step) and step > 0):
        return value
    return round(value, -math.floor(math.log10(step)))


def busy_sentence(contentions: Iterable[float | None]) -> str | None:
    """A warning where the machine was busy while times were measured; None where it was not."""
    most = max((found for found in contentions if found is not None), default=1.0)
    if most <= BUSY:
        return None
    return (
        f"The machine was busy while latency was measured: up to {most:.1f} times the processor "
        "time went by. Only processor time is counted; it is less sure then."
    )


def _is_timed(name: str) -> bool:
    return name in TIMED or name == "dense_latency_ms"


def is_rate(name: str) -> bool:
    """Whether the quantity is a share in percent."""
    return name in _PERCENT


def kind(name: str) -> dict[str, str | None]:
    """How values of the quantity are written: percent, count or number, and their unit."""
    if name in _PERCENT:
        return {"kind": "percent", "unit": None}
    if name in _COUNTS:
        return {"kind": "count", "unit": "B" if name in _BYTES else None}
    return {"kind": "number", "unit": _UNITS.get(name)}


def short_count(value: float) -> str:
    """`1250000` -> `1.25M`; three digits."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"


def size_and_quality(objectives: Mapping[str, Direction]) -> tuple[str, str]:
    """Of the objectives, the size (the first to be minimised) and the quality (the first other).

    Where all are to be maximised, the last one stands for the size.
    """
    names = [*objectives]
    smaller = [name for name in names if objectives[name] == "minimize"]
    size = smaller[0] if smaller else names[-1]
    return size, next(name for name in names if name != size)


def scaled(name: str, value: float) -> float:
    """The value on the scale on which equal steps mean equally much: the logarithm of sizes."""
    if name in LOGARITHMIC and value > 0:
        return math.log(value)
    return value
