"""The registry of measured quantities.

One record per quantity, used by objectives, limits, tables, reports, model cards, MLflow and the
documentation. To add a quantity, add a record here, and the function that computes it: the meter of
its task for a quality, a file of `measure/` for a cost. `register` adds the quality of a user's own
task.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Direction = Literal["maximize", "minimize"]
Kind = Literal["quality", "size", "time", "gain"]


@dataclass(frozen=True)
class Quantity:
    """A measured quantity: its direction, unit and formatting.

    `unit` follows the number: `%` makes it a rate, written with two decimals. Counts are written
    with a metric prefix (`1.25M`). A `gain` compares a model with the dense one. `is_timed` marks
    quantities measured by a clock, so that fewer MACs need not improve them. `worst` and `best` are
    the bounds of the values; None: unbounded or unknown.
    """

    name: str
    label: str
    direction: Direction
    kind: Kind
    unit: str = ""
    is_count: bool = False
    is_timed: bool = False
    note: str = ""
    worst: float | None = None
    best: float | None = None

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


def _quality(
    name: str,
    label: str,
    unit: str = "",
    direction: Direction = "maximize",
    *,
    worst: float | None = None,
    best: float | None = None,
) -> Quantity:
    note = "on validation data"
    return Quantity(name, label, direction, "quality", unit, note=note, worst=worst, best=best)


def _rate(name: str, label: str) -> Quantity:
    return _quality(name, label, "%", worst=0.0, best=100.0)


def _error(name: str, label: str, unit: str = "", *, best: float = 0.0) -> Quantity:
    return _quality(name, label, unit, "minimize", best=best)


def _gain(name: str, label: str, *, is_timed: bool = False) -> Quantity:
    return Quantity(name, label, "maximize", "gain", is_timed=is_timed, note="dense / pruned")


def _time(name: str, label: str, note: str = "") -> Quantity:
    return Quantity(name, label, "minimize", "time", "ms", is_timed=True, note=note)


def _size(name: str, label: str, unit: str = "", note: str = "exact") -> Quantity:
    return Quantity(name, label, "minimize", "size", unit, is_count=True, note=note)


_ALL = (
    # Classification. The loss is any task's, so that it has no unit: nats for a cross-entropy.
    _rate("accuracy", "accuracy"),
    _rate("top5_accuracy", "top-5 accuracy"),
    _rate("precision", "precision"),
    _rate("recall", "recall"),
    _rate("f1", "F1"),
    _quality("loss", "loss", direction="minimize"),
    _quality("calibration_error", "calibration error", "%", "minimize", worst=100.0, best=0.0),
    # Several labels for each sample.
    _rate("f1_macro", "F1, mean over the labels"),
    _rate("f1_micro", "F1, over all decisions"),
    _rate("mean_average_precision", "mean average precision"),
    # Regression and forecasting, in the unit of the target where there is one.
    _error("rmse", "root mean squared error"),
    _error("mae", "mean absolute error"),
    _error("mse", "mean squared error"),
    _error("mase", "mean absolute scaled error"),
    _quality("r2", "coefficient of determination", best=1.0),
    # Segmentation.
    _rate("miou", "mean intersection over union"),
    _rate("pixel_accuracy", "pixel accuracy"),
    # Ranking.
    _rate("ndcg@10", "NDCG of the first 10"),
    _rate("hit@10", "hit rate of the first 10"),
    _rate("mrr", "mean reciprocal rank"),
    # Language models.
    _error("perplexity", "perplexity", best=1.0),
    _rate("token_accuracy", "token accuracy"),
    # Detection.
    _rate("map", "mean average precision, IoU 0.5 to 0.95"),
    _rate("map50", "mean average precision, IoU 0.5"),
    # Embeddings.
    _quality("cosine_similarity", "cosine similarity", worst=-1.0, best=1.0),
    _size("params", "parameters"),
    _size("macs", "MACs", note="multiply-accumulate operations of one sample, exact"),
    _size("bops", "bit operations", note="MACs x bits of weights x bits of activations, exact"),
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
_QUANTITIES = {quantity.name: quantity for quantity in _ALL}
QUANTITIES: Mapping[str, Quantity] = _QUANTITIES
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
_DIRECTIONS = {name: q.direction for name, q in QUANTITIES.items()}
DIRECTIONS: Mapping[str, Direction] = _DIRECTIONS
TIMED = tuple(name for name, quantity in QUANTITIES.items() if quantity.is_timed)
# Bytes of a file with few bits for each weight, the first in front.
BYTES = ("size_bytes", "stored_bytes")
_QUALITIES = [name for name, quantity in QUANTITIES.items() if quantity.kind == "quality"]
QUALITIES: Sequence[str] = _QUALITIES  # in the order of the registry; `register` adds to them
LOGARITHMIC = {name for name, quantity in QUANTITIES.items() if quantity.is_logarithmic}


def register(quality: Quantity) -> None:
    """Add the quality of a user's own task, for example from `task.monitor` and `task.mode`.

    A name that is registered already keeps its record, so that repeated calls change nothing.

    Raises:
        ValueError: the record is no quality, the name is no identifier, or the name is registered
            with another direction or as another kind.
    """
    if quality.kind != "quality":
        raise ValueError(f"only a quality can be registered; `{quality.name}` is a {quality.kind}")
    if not re.fullmatch(r"[A-Za-z_][\w@./-]*", quality.name):
        raise ValueError(
            f"the name of a quality must begin with a letter and hold letters, digits and _@./-, "
            f"got `{quality.name}`"
        )
    known = QUANTITIES.get(quality.name) or _DIAGNOSTICS.get(quality.name)
    if known is None:
        _QUANTITIES[quality.name] = quality
        _DIRECTIONS[quality.name] = quality.direction
        _QUALITIES.append(quality.name)
    elif (known.kind, known.direction) != (quality.kind, quality.direction):
        raise ValueError(
            f"`{quality.name}` is registered as a {known.kind} to {known.direction}, not as a "
            f"quality to {quality.direction}; give it another name, or this direction"
        )


def quantity_of(name: str) -> Quantity:
    """Return the record of a quantity; a generic one for unregistered names."""
    known = QUANTITIES.get(name) or _DIAGNOSTICS.get(name)
    return known or Quantity(name, name, "minimize", "size")


def label(name: str) -> str:
    """Return the quantity with its unit, for an axis or a heading."""
    return quantity_of(name).heading


def is_rate(name: str) -> bool:
    """Return True if the quantity is a percentage."""
    return quantity_of(name).is_rate


def scaled(name: str, value: float) -> float:
    """Return the value on the scale used for differences: the logarithm for sizes and latencies."""
    if name in LOGARITHMIC and value > 0:
        return math.log(value)
    return value
