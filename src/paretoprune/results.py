"""The frozen dataclasses that cross package borders. Plain data: numbers, names, tuples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

BudgetUnit = Literal["trials", "epochs", "seconds"]
State = Literal["complete", "failed", "duplicate", "infeasible"]

# The origin of trials that are cut and compensated but not trained; nobody's twins.
SKETCH = "sketch"


# What every report says where weights go instead of channels.
ZEROS = (
    "weights are set to zero and the shapes stay: parameters and MACs count what is not zero, "
    "zeros alone make nothing faster here, and only a compressed file is smaller (compressed_bytes)"
)


@dataclass(frozen=True)
class DataInfo:
    """What a data set looks like from outside: enough to build a model and to explain the split."""

    num_classes: int
    input_shape: tuple[int, ...]  # one sample, without the batch axis: (channels, height, width)
    num_train: int
    num_validation: int
    num_test: int
    split: str  # a sentence: which part was split off from which
    class_names: tuple[str, ...] = ()
    caution: str | None = None  # a sentence, where a part may flatter what is measured on it


@dataclass(frozen=True)
class Preprocessing:
    """What turns an image into the model's input: (values / scale - mean) / std per channel."""

    scale: float  # the value that means 1.0: 255 for images of bytes, 1 for floats
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_order: str  # "grey", "RGB", or a sentence
    resize: int | None = None  # pixels of the shorter side before the crop from the centre
    crop: int | None = None  # pixels of both sides of that crop


@dataclass(frozen=True)
class GroupInfo:
    """One dimension of the search: a group's name and the number of channels it has when dense."""

    name: str
    width: int
    max_ratio: float = 1.0  # the most of it that may go, from `sparsity.caps`
    turn: float | None = None  # a block, which goes as a whole: the uniform ratio at which it does

    def uniform(self, ratio: float) -> float:
        """What uniform pruning at a ratio takes of it: up to its cap, a block at its turn."""
        if self.turn is not None:
            return self.max_ratio if ratio >= self.turn else 0.0
        return min(ratio, self.max_ratio)


@dataclass(frozen=True)
class KeptGroup:
    """A group that is never pruned, and why."""

    name: str
    width: int
    reason: str


@dataclass(frozen=True)
class Cost:
    """What is known of a pruned model before it is trained."""

    params: int
    macs: int
    latency_ms: float | None = None  # predicted; None: no latency table was asked for
    latency_error: float = 0.0  # the largest relative error of the prediction that was seen

    def at_least(self) -> Metrics:
        """What no measurement should undercut: for limits that are checked before training."""
        least = None if self.latency_ms is None else self.latency_ms * (1 - self.latency_error)
        return Metrics(params=self.params, macs=self.macs, latency_ms=least)


@dataclass(frozen=True)
class Quality:
    """How well a model does on one part of the data. Rates are in percent."""

    accuracy: float
    precision: float  # macro average over classes
    recall: float  # macro average over classes
    f1: float  # macro average over classes
    loss: float  # mean cross-entropy in nats
    calibration_error: float  # expected calibration error, 15 bins
    top5_accuracy: float | None = None  # where there are more than five classes


@dataclass(frozen=True)
class Comparison:
    """A pruned model beside the dense one, sample by sample, on one part of the data.

    By class, the tuples hold the number of samples and the recall in percent, None for a class
    without samples.
    """

    agreement: float  # percent of the samples for which both name the same class
    only_dense_right: int
    only_pruned_right: int
    class_counts: tuple[int, ...]
    dense_recall: tuple[float | None, ...]
    pruned_recall: tuple[float | None, ...]


@dataclass(frozen=True)
class Latency:
    """The time of inference, measured on one device with fixed threads and batch size."""

    latency_ms: float  # median of one forward pass of a batch
    latency_p95_ms: float
    throughput_per_s: float  # samples per second at the median
    dense_latency_ms: float | None = None  # the dense model's median, timed in turn with it
    speedup: float | None = None  # dense / own, the median of the ratios of passes in turn
    # Half the interquartile range, relative: of these ratios, or of the times without them.
    spread: float = 0.0
    contention: float | None = None  # wall time over the processor time counted; None: not a CPU


@dataclass(frozen=True)
class RunningCost:
    """What running a model costs on one device, by one engine."""

    latency: Latency
    peak_memory_bytes: int | None  # weights and what passes need beside them; None: not known
    energy_mj: float | None  # millijoules of the whole device for a pass; None: no counter to read


@dataclass(frozen=True)
class Metrics:
    """All that was measured of one model. None: not measured. Rates are in percent."""

    accuracy: float | None = None
    top5_accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    loss: float | None = None
    calibration_error: float | None = None
    params: int | None = None
    macs: int | None = None
    size_bytes: int | None = None
    compressed_bytes: int | None = None  # stored without its zeros, where weights went
    stored_bytes: int | None = None  # of the compact file: weights in 8 bits, entropy-coded
    latency_ms: float | None = None
    latency_p95_ms: float | None = None
    throughput_per_s: float | None = None
    dense_latency_ms: float | None = None
    compression_ratio: float | None = None  # dense parameters / parameters
    theoretical_speedup: float | None = None  # dense MACs / MACs
    measured_speedup: float | None = None  # dense latency / latency, of passes in turn
    time_spread: float | None = None  # of all that is timed, relative: half the interquartile range
    contention: float | None = None  # wall time over the processor time counted: 1 if undisturbed

    def measured(self) -> dict[str, float]:
        """The quantities that were measured, by name."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class EpochRecord:
    """One line of a trial's training curve."""

    epoch: int  # counted from 1 over the whole trial
    train_loss: float
    validation_accuracy: float  # percent
    validation_loss: float
    learning_rate: float  # at the end of the epoch
    seconds: float
    parts: int = 1  # each batch was taken in so many, where memory did not suffice for all of it


@dataclass(frozen=True)
class EpochTime:
    """How long an epoch of a model of one size takes."""

    macs: float
    seconds: float


@dataclass(frozen=True)
class Budget:
    """What a search may spend, or what is left of it."""

    amount: float
    unit: BudgetUnit  # epochs: passes over the training data, of a model of any size


@dataclass(frozen=True)
class Proposal:
    """One candidate: a ratio for each group, and where the idea came from."""

    ratios: Mapping[str, float]  # by group name, each in [0, 1)
    origin: str  # "dense", "uniform", "global", "sampler", "chain" ...
    parent: int | None = None  # the trial whose weights it starts from; None: the dense model
    epochs: float | None = None  # passes of training; None: as many as the schedule has
    rung: int = 0  # how often the same widths were trained before; `parent` is then that trial
    nested: tuple[Mapping[str, float], ...] = ()  # ratios of smaller ones, trained in its weights


@dataclass(frozen=True)
class Job:
    """A trial to be run, as an executor gets it: plain data that travels between processes."""

    number: int
    origin: str
    ratios: Mapping[str, float]  # what was asked for, by group name
    widths: Mapping[str, int]  # channels to keep, by group name
    seed: int
    parent: int | None = None  # the trial whose weights it starts from; None: the dense model
    epochs: float | None = None  # passes of training; None: as many as the schedule has
    rung: int = 0
    # Widths of smaller ones that are trained in its weights, the smallest first. What passes
    # through one of them is a pass of training, too.
    nested: tuple[Mapping[str, int], ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """The inverse of `dataclasses.asdict`."""
        return cls(**{**data, "nested": tuple(data.get("nested", ()))})


@dataclass(frozen=True)
class TrialResult:
    """One trial, finished in one way or another. What `result.json` in its folder holds."""

    number: int
    state: State
    origin: str
    ratios: Mapping[str, float]  # what was asked for, by group name
    widths: Mapping[str, int]  # channels kept, by group name
    metrics: Metrics
    seed: int
    curve: tuple[EpochRecord, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)  # by phase: "finetune" ...
    reason: str | None = None  # why it failed, or is infeasible
    duplicate_of: int | None = None  # the trial with the same architecture, whose metrics these are
    parent: int | None = None  # the trial whose weights it started from; None: the dense model
    # "seconds"; where they were looked at, "loss_before" and "loss_after" (validation, nats)
    compensation: Mapping[str, float] = field(default_factory=dict)
    epochs: float = 0.0  # passes of training that it got, its parents' not included
    asked_epochs: float | None = None  # those of its job; None: as many as the schedule has
    rung: int = 0
    nested: tuple[Mapping[str, int], ...] = ()  # widths of those that were trained in its weights
    # What the loss would feel of each kept channel, gathered while training; by group name.
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def was_settled(self) -> bool:
        """Whether it is a duplicate or over a limit, and was not run to find that out."""
        return self.state in ("duplicate", "infeasible") and not self.seconds

    @property
    def job(self) -> Job:
        """The job that led to it."""
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
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrialResult:
        """The inverse of `dataclasses.asdict`."""
        known = dict(data)
        if known["state"] != "failed":  # earlier versions wrote only what was trained
            known.setdefault("asked_epochs", known.get("epochs"))
        known["metrics"] = Metrics(**known["metrics"])
        known["curve"] = tuple(EpochRecord(**record) for record in known["curve"])
        known["nested"] = tuple(known.get("nested", ()))
        known["scores"] = {n: tuple(values) for n, values in known.get("scores", {}).items()}
        return cls(**known)


@dataclass(frozen=True)
class Repeat:
    """The pick's architecture trained again with another seed. Accuracies in percent."""

    seed: int
    validation: float
    test: float


_FASTER = 1.05  # times; less is within what two measurements of one file differ by


@dataclass(frozen=True)
class FileFacts:
    """One format of the model: what was checked of it, or why it is not there."""

    format: str  # "safetensors", or "compact", or a name of `graph.GRAPHS`
    difference: float | None = None  # largest of a logit from PyTorch's, by a fresh process
    reason: str | None = None  # why the file is not there
    latency_ms: float | None = None  # in the format's engine
    dense_latency_ms: float | None = None  # of the dense model's files, timed in turn with it
    speedup: float | None = None  # dense (or floating point) / own, the median of the ratios
    time_spread: float | None = None  # of these, relative: half the interquartile range
    contention: float | None = None  # wall time over the processor time counted
    size_bytes: int | None = None  # of the format's files together
    bits: int | None = None  # of the weights, where they were rounded
    accuracy: float | None = None  # percent on validation data, where weights were rounded
    agreement: float | None = None  # percent of classes that integer kernels and module share
    kl: float | None = None  # divergence of the kernels from the module, in nats
    float_latency_ms: float | None = None  # of the same model in floating point, timed in turn

    @property
    def gain_in_words(self) -> str | None:
        """How fast int8 is beside floating point in the same engine; None where not measured."""
        if self.latency_ms is None or self.float_latency_ms is None or self.speedup is None:
            return None
        if self.speedup < _FASTER:
            return f"int8 is NOT faster than float32 here ({self.speedup:.2g} times)"
        return f"int8 is {self.speedup:.2g} times as fast as float32 here"
