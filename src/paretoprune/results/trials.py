"""Results of trials, and of quantized models derived from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from paretoprune.results.jobs import Job, current_origin, rivals_from_json
from paretoprune.results.measurements import Metrics
from paretoprune.results.training import EpochRecord

State = Literal["complete", "failed", "duplicate", "infeasible"]
# Identifies a measured model of a sweep: the trial's number, or `12-int8` for a quantized model.
ModelKey = int | str


@dataclass(frozen=True)
class QuantizedResult:
    """A quantized model of a trial's trained model, derived without training.

    `state` is "complete", "failed" (with a `reason`) or "infeasible" (violates a limit).
    """

    name: str  # "int8", "4bit" ...; unique among those of a trial
    bits: float  # mean bits of a weight
    metrics: Metrics
    seconds: float  # of quantization and measurement
    state: State = "complete"
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        own = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {**own, "metrics": self.metrics.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> QuantizedResult:
        """Inverse of `to_json`."""
        return cls(**{**data, "metrics": Metrics.from_json(data["metrics"])})


@dataclass(frozen=True)
class TrialResult:
    """The outcome of one trial; the content of `result.json` in its folder.

    `state` is "complete" (trained and measured), "failed" (with a `reason`), "duplicate" (same
    widths as an earlier trial, whose metrics it shares) or "infeasible" (violates a limit). Ratios
    are the requested ones, widths those after rounding. Times are in seconds, epochs are those of
    this trial without its ancestors.
    """

    number: int
    state: State
    origin: str
    ratios: Mapping[str, float]  # requested ratios, by group name
    widths: Mapping[str, int]  # channels kept, by group name
    metrics: Metrics
    seed: int
    curve: tuple[EpochRecord, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)  # by use, see `USES`
    reason: str | None = None  # why the trial failed or is infeasible
    duplicate_of: int | None = None  # the trial with the same architecture and these metrics
    parent: int | None = None  # the trial whose weights it started from; None: the dense model
    # "seconds" and, if measured, "loss_before" and "loss_after" (validation, nats)
    compensation: Mapping[str, float] = field(default_factory=dict)
    epochs: float = 0.0  # epochs of training, without those of its ancestors
    asked_epochs: float | None = None  # epochs requested by the job; None: the complete schedule
    rung: int = 0
    # widths of the smaller models trained in its weights
    nested: tuple[Mapping[str, int], ...] = ()
    # Importance of each kept channel, estimated from gate gradients during training; by group name.
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    quantized: tuple[QuantizedResult, ...] = ()  # quantized models of the trained model
    rivals: tuple[tuple[float, float], ...] = ()  # of the job, see there
    # Of a quantized model in the list of `models_of`: its name, and the mean bits of its weights.
    quantization: str = ""
    bits: float | None = None

    @property
    def key(self) -> ModelKey:
        """The trial's number; of a quantized model `NUMBER-NAME`."""
        return f"{self.number}-{self.quantization}" if self.quantization else self.number

    @property
    def was_settled(self) -> bool:
        """True if it was decided without training: a duplicate, or over a limit."""
        return self.state in ("duplicate", "infeasible") and not self.seconds

    @property
    def job(self) -> Job:
        """The job that this result belongs to."""
        return Job(
            number=self.number,
            origin=self.origin,
            ratios=self.ratios,
            widths=self.widths,
            seed=self.seed,
            parent=self.parent,
            epochs=self.asked_epochs,
            rung=self.rung,
            nested=self.nested,
            rivals=self.rivals,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of `result.json`."""
        return {
            **asdict(self),
            "metrics": self.metrics.to_json(),
            "quantized": [model.to_json() for model in self.quantized],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrialResult:
        """Inverse of `to_json`; accepts results of earlier versions.

        Raises:
            TypeError: a text is no text, or a number is none.
        """
        known = dict(data)
        _check_types(known)
        if known["state"] != "failed":  # earlier versions wrote only the epochs trained
            known.setdefault("asked_epochs", known.get("epochs"))
        known["origin"] = current_origin(known["origin"])
        known["metrics"] = Metrics.from_json(known["metrics"])
        known["curve"] = tuple(EpochRecord.from_json(record) for record in known["curve"])
        known["nested"] = tuple(known.get("nested", ()))
        known["scores"] = {n: tuple(values) for n, values in known.get("scores", {}).items()}
        known["rivals"] = rivals_from_json(known)
        known["quantized"] = tuple(map(QuantizedResult.from_json, known.get("quantized", ())))
        return cls(**known)


def _check_types(data: Mapping[str, Any]) -> None:
    """Raise TypeError for values of a file that tables could not hold."""
    for name in ("origin", "state"):
        if not isinstance(data[name], str):
            raise TypeError(f"`{name}` must be a text, got {data[name]!r}")
    for name in ("ratios", "widths", "seconds", "compensation"):
        for key, value in data.get(name, {}).items():
            if not isinstance(value, int | float):
                raise TypeError(f"`{name}.{key}` must be a number, got {value!r}")


def models_of(results: Iterable[TrialResult]) -> list[TrialResult]:
    """Return every measured model of the trials: each trial, followed by its quantized models.

    A quantized model has the plan, the seed and the training of its trial; its origin is its name.
    """
    return [model for result in results for model in (_alone(result), *_quantized_models(result))]


def _alone(result: TrialResult) -> TrialResult:
    return replace(result, quantized=()) if result.quantized else result


def _quantized_models(result: TrialResult) -> Iterator[TrialResult]:
    for model in result.quantized:
        yield replace(
            result,
            state=model.state,
            origin=model.name,
            metrics=model.metrics,
            curve=(),
            seconds={"quantize": model.seconds},
            reason=model.reason,
            compensation={},
            scores={},
            quantized=(),
            quantization=model.name,
            bits=model.bits,
        )
