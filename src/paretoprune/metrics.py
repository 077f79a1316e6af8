"""The registry of measured quantities.

One record per quantity, used by objectives, limits, tables, reports, model cards, MLflow and the
documentation. To add a quantity, add a record here, and the function of `measure/` that computes
it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Direction = Literal["maximize", "minimize"]
Kind = Literal["quality", "size", "time", "gain"]


@dataclass(frozen=True)
class Quantity:
    """A measured quantity: its direction, unit and formatting.

    `unit` follows the number: `%` makes it a rate, written with two decimals. Counts are written
    with a metric prefix (`1.25M`). A `gain` compares a model with the dense one. `is_timed` marks
    quantities measured by a clock, so that fewer MACs need not improve them.
    """

    name: str
    label: str
    direction: Direction
    kind: Kind
    unit: str = ""
    is_count: bool = False
    is_timed: bool = False
    note: str = ""

    @property
    def is_rate(self) -> bool:
        """True for a percentage."""
        return self.unit == "%"

    @property
    def is_logarithmic(self) -> bool:
        """True if ratios matter rather than differences, as on a logarithmic axis."""
        return self.is_count or self.unit == "ms"

    @property
    def heading(self) -> str:
        """The label with the unit, for an axis or a table."""
        unit = {"B": "bytes"}.get(self.unit, self.unit)
        return f"{self.label} ({unit})" if unit else self.label


def _quality(name: str, label: str, unit: str = "%", direction: Direction = "maximize") -> Quantity:
    return Quantity(name, label, direction, "quality", unit, note="on validation data")


def _gain(name: str, label: str, *, is_timed: bool = False) -> Quantity:
    return Quantity(name, label, "maximize", "gain", is_timed=is_timed, note="dense / pruned")


def _time(name: str, label: str, note: str = "") -> Quantity:
    return Quantity(name, label, "minimize", "time", "ms", is_timed=True, note=note)


def _size(name: str, label: str, unit: str = "", note: str = "exact") -> Quantity:
    return Quantity(name, label, "minimize", "size", unit, is_count=True, note=note)


_ALL = (
    _quality("accuracy", "accuracy"),
    _quality("top5_accuracy", "top-5 accuracy"),
    _quality("precision", "precision"),
    _quality("recall", "recall"),
    _quality("f1", "F1"),
    _quality("loss", "loss", "nats", "minimize"),
    _quality("calibration_error", "calibration error", "%", "minimize"),
    _size("params", "parameters"),
    _size("macs", "MACs", note="multiply-accumulate operations of one sample, exact"),
    _size("size_bytes", "size", "B", note="of the plain safetensors file"),
    _size("compressed_bytes", "compressed size", "B", note="without the zeros of sparse weights"),
    _size("stored_bytes", "stored size", "B", note="of the compact file, for transfer"),
    _time("latency_ms", "latency", "normalised by the dense model timed in the same run"),
    _time("latency_p95_ms", "latency, 95th percentile"),
    Quantity(
        "throughput_per_s",
        "throughput",
        "maximize",
        "time",
        "samples per second",
        is_count=True,
        is_timed=True,
    ),
    _gain("compression_ratio", "compression ratio (dense / pruned parameters)"),
    _gain("theoretical_speedup", "theoretical speedup (dense / pruned MACs)"),
    _gain("measured_speedup", "measured speedup (dense / pruned latency)", is_timed=True),
)
QUANTITIES: Mapping[str, Quantity] = {quantity.name: quantity for quantity in _ALL}
# Measured together with a latency; not available as objectives or limits.
_DIAGNOSTICS = {
    "dense_latency_ms": _time("dense_latency_ms", "dense latency"),
    "time_spread": Quantity(
        "time_spread",
        "spread of the times (half the interquartile range, relative)",
        "minimize",
        "time",
    ),
    "contention": Quantity(
        "contention", "contention (wall time / processor time)", "minimize", "time"
    ),
}
# Contention above which a machine counts as busy and times are less reliable.
BUSY = 1.5
_UNRELIABLE = 0.5  # relative spread above which a time is meaningless

DIRECTIONS: Mapping[str, Direction] = {name: q.direction for name, q in QUANTITIES.items()}
TIMED = tuple(name for name, quantity in QUANTITIES.items() if quantity.is_timed)
QUALITIES = tuple(name for name, quantity in QUANTITIES.items() if quantity.kind == "quality")
LOGARITHMIC = {name for name, quantity in QUANTITIES.items() if quantity.is_logarithmic}


def quantity_of(name: str) -> Quantity:
    """Return the record of a quantity; a generic one for unregistered names."""
    known = QUANTITIES.get(name) or _DIAGNOSTICS.get(name)
    return known or Quantity(name, name, "minimize", "size")


def label(name: str) -> str:
    """Return the quantity with its unit, for an axis or a heading."""
    return quantity_of(name).heading


def written(name: str, value: float, *, spread: float | None = None) -> str:
    """Format a value of the quantity with its unit, to three or four digits.

    A time gets no more digits than its relative `spread` justifies, and is `unsure` if the spread
    is half of it or more.
    """
    if spread is not None and quantity_of(name).is_timed:
        if spread >= _UNRELIABLE:
            return "unsure"
        value = rounded(value, spread)
    quantity = quantity_of(name)
    if quantity.is_rate:
        return f"{value:.2f} %"
    if name == "time_spread":
        return f"{float(f'{100 * value:.2g}'):g} %"
    if quantity.is_count:
        return short_count(value) + ("B" if quantity.unit == "B" else "")
    return f"{value:.4g}" + (" ms" if quantity.unit == "ms" else "")


def written_of(name: str, measured: Mapping[str, float]) -> str:
    """Format one of several quantities measured together, to the digits that their spread
    justifies."""
    return written(name, measured[name], spread=measured.get("time_spread"))


def shown(measured: Mapping[str, float]) -> dict[str, float]:
    """Return the measured values, times rounded to the digits that their spread justifies."""
    spread = measured.get("time_spread")
    if spread is None:
        return dict(measured)
    return {
        name: rounded(value, spread) if quantity_of(name).is_timed else value
        for name, value in measured.items()
    }


def rounded(value: float, spread: float) -> float:
    """Round the value to the last digit that is not smaller than its spread."""
    step = abs(value) * spread
    if not (math.isfinite(step) and step > 0):
        return value
    return round(value, -math.floor(math.log10(step)))


def busy_sentence(contentions: Iterable[float | None]) -> str | None:
    """Return a warning if the machine was busy while times were measured; None otherwise."""
    most = max((found for found in contentions if found is not None), default=1.0)
    if most <= BUSY:
        return None
    return (
        f"The machine was busy while latency was measured: up to {most:.1f} times the processor "
        "time elapsed. Only processor time is counted, which is less reliable then."
    )


def is_rate(name: str) -> bool:
    """Return True if the quantity is a percentage."""
    return quantity_of(name).is_rate


def notation(name: str) -> dict[str, str | None]:
    """Return the notation of the quantity's values: percent, count or number, and the unit."""
    quantity = quantity_of(name)
    if quantity.is_rate:
        return {"kind": "percent", "unit": None}
    if quantity.is_count:
        return {"kind": "count", "unit": "B" if quantity.unit == "B" else None}
    return {"kind": "number", "unit": " ms" if quantity.unit == "ms" else None}


def short_count(value: float) -> str:
    """Format `1250000` as `1.25M`, with three digits."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"


def size_and_quality(objectives: Mapping[str, Direction]) -> tuple[str, str]:
    """Return the size (the first minimised objective) and the quality (the first other one).

    If all are maximised, the last one takes the role of the size.
    """
    names = [*objectives]
    smaller = [name for name in names if objectives[name] == "minimize"]
    size = smaller[0] if smaller else names[-1]
    return size, next(name for name in names if name != size)


def scaled(name: str, value: float) -> float:
    """Return the value on the scale used for differences: the logarithm for sizes and latencies."""
    if name in LOGARITHMIC and value > 0:
        return math.log(value)
    return value
