"""Measurements of a model: metrics, predicted cost, latency, comparison with the dense one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

# Explanation in every report of unstructured pruning.
ZEROS = (
    "weights are set to zero and the shapes stay: parameters and MACs count what is not zero, "
    "zeros alone make nothing faster here, and only a compressed file is smaller (compressed_bytes)"
)


@dataclass(frozen=True)
class Latency:
    """Inference time, measured on one device with fixed threads and batch size."""

    latency_ms: float  # median of one forward pass of a batch
    latency_p95_ms: float
    throughput_per_s: float  # samples per second at the median
    dense_latency_ms: float | None = None  # median of the dense model, timed alternately
    speedup: float | None = None  # dense / own, the median of the ratios of alternating passes
    # Half the interquartile range, relative: of these ratios if available, else of the times.
    spread: float = 0.0
    contention: float | None = None  # wall time / processor time; None: not a CPU


@dataclass(frozen=True)
class RunningCost:
    """The cost of running a model on one device with one engine."""

    latency: Latency
    peak_memory_bytes: int | None  # weights and working memory of a pass; None: not known
    energy_mj: float | None  # millijoules of the whole device per pass; None: no counter available


@dataclass(frozen=True)
class Comparison:
    """Sample-by-sample comparison of a pruned model with the dense one on one part of the data.

    `class_counts` holds the number of samples by class; the recalls are in percent, None for a
    class without samples.
    """

    agreement: float  # percent of the samples with the same predicted class
    only_dense_right: int
    only_pruned_right: int
    class_counts: tuple[int, ...]
    dense_recall: tuple[float | None, ...]
    pruned_recall: tuple[float | None, ...]


@dataclass(frozen=True)
class Metrics:
    """All measurements of one model, in the units of the registry `metrics.QUANTITIES`.

    `quality` maps the names of the task's qualities to their values. Rates are in percent,
    latencies in milliseconds, sizes in bytes. None means not measured. Made by `measure` of
    `trial/context.py` after training and by `Cost.at_least` before. The names are those used by
    objectives, limits, `result.json`, `trials.csv` and MLflow, where qualities and costs stand side
    by side.
    """

    quality: Mapping[str, float] = field(default_factory=dict)
    params: int | None = None
    macs: int | None = None
    bops: int | None = None  # bit operations: MACs x bits of weights x bits of activations
    size_bytes: int | None = None
    compressed_bytes: int | None = None  # without the zeros of sparse weights
    stored_bytes: int | None = None  # of the compact file: weights in 8 bits, entropy-coded
    latency_ms: float | None = None
    latency_p95_ms: float | None = None
    throughput_per_s: float | None = None
    dense_latency_ms: float | None = None
    compression_ratio: float | None = None  # dense parameters / parameters
    theoretical_speedup: float | None = None  # dense MACs / MACs
    measured_speedup: float | None = None  # dense latency / latency, of alternating passes
    time_spread: float | None = None  # relative, of all times: half the interquartile range
    contention: float | None = None  # wall time / processor time: 1 if undisturbed

    def measured(self) -> dict[str, float]:
        """Return the quantities that were measured, by name: qualities first."""
        return {name: value for name, value in self.to_json().items() if value is not None}

    def get(self, name: str) -> float | None:
        """Return one quantity by name; None if it was not measured."""
        return getattr(self, name) if name in COSTS else self.quality.get(name)

    def to_json(self) -> dict[str, float | None]:
        """Return qualities and costs by name in one mapping; costs not measured are None."""
        return {**self.quality, **{name: getattr(self, name) for name in COSTS}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Metrics:
        """Inverse of `to_json`; every name that is not a cost is a quality.

        Raises:
            TypeError: a value is neither a number nor None.
        """
        for name, value in data.items():
            if not isinstance(value, int | float | None):
                raise TypeError(f"the value of `{name}` must be a number, got {value!r}")
        known = {name: value for name, value in data.items() if value is not None}
        costs = {name: known.pop(name) for name in COSTS if name in known}
        return cls(quality=known, **costs)


# Names of the fields of `Metrics` beside the qualities.
COSTS = tuple(entry.name for entry in fields(Metrics) if entry.name != "quality")


def names_measured(several: Iterable[Metrics]) -> list[str]:
    """Return the names of the quantities measured of any model: qualities first, then costs."""
    found = dict.fromkeys(name for metrics in several for name in metrics.measured())
    return [
        *(name for name in found if name not in COSTS),
        *(name for name in COSTS if name in found),
    ]


@dataclass(frozen=True)
class Cost:
    """The predicted cost of a pruned model before training.

    Parameters and MACs are exact; the latency is a prediction from the latency table.
    """

    params: int
    macs: int
    latency_ms: float | None = None  # predicted; None: without a latency table
    latency_error: float = 0.0  # largest relative error of the prediction on the checked models

    def at_least(self) -> Metrics:
        """Return lower bounds of the measurements, for limits that are checked before training."""
        least = None if self.latency_ms is None else self.latency_ms * (1 - self.latency_error)
        return Metrics(params=self.params, macs=self.macs, latency_ms=least)
