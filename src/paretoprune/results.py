"""Frozen dataclasses that cross package borders. Plain data: numbers, names, tuples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

BudgetUnit = Literal["trials", "epochs", "seconds"]
State = Literal["complete", "failed", "duplicate", "infeasible"]
# Identifies a measured model of a sweep: the trial's number, or `12-int8` for a quantized model.
ModelKey = int | str

# The use of time that is no part of a search, which starts from a trained model.
TRAIN_DENSE = "train_dense"

# Uses of a sweep's time, by the name under which their seconds are stored, and in words.
USES = {
    "finetune": "fine-tuning",
    "validate": "validation",  # during training
    "measure": "measuring",  # of finished models, on the whole validation data
    "quantize": "quantization",  # of finished models, and the measuring of quantized ones
    "teacher": "teacher",
    "prune": "pruning",
    "compensate": "compensation",
    "score": "scoring",
    "proxy": "proxies",
    "range_test": "range test",
    "dense": "dense model",  # its measurement; its training does not count
    "other": "other",
}


# Origin tag of untrained trials; ignored by duplicate detection.
SKETCH = "sketch"


# Explanation in every report of unstructured pruning.
ZEROS = (
    "weights are set to zero and the shapes stay: parameters and MACs count what is not zero, "
    "zeros alone make nothing faster here, and only a compressed file is smaller (compressed_bytes)"
)


@dataclass(frozen=True)
class Argument:
    """A tensor that a model takes: its name in `forward`, and one sample of it."""

    name: str
    shape: tuple[int, ...]  # of one sample, without the batch axis
    dtype: str  # "float32", "int64" ...
    largest: int | None = None  # of integers and booleans: the largest value in the example
    is_keyword: bool = False  # passed by its name


@dataclass(frozen=True)
class DataInfo:
    """Summary of a data set: what is needed to build a model and to explain the split."""

    num_classes: int  # 0 where there are no classes
    # of one sample of the first argument, without the batch axis: (channels, height, width)
    input_shape: tuple[int, ...]
    num_train: int
    num_validation: int
    num_test: int
    split: str  # a sentence: which part was split off from which
    class_names: tuple[str, ...] = ()
    caution: str | None = None  # a sentence, if a part may bias the metrics measured on it
    arguments: tuple[Argument, ...] = ()  # the tensors that the model takes
    vocab_size: int = 0  # token ids are below it; 0 where there are no tokens
    # What the task offers to the model's class, by the name of the argument.
    offered: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DataInfo:
        """Return the summary that `dataclasses.asdict` wrote, also by an earlier version."""
        arguments = [
            Argument(**{**argument, "shape": tuple(argument["shape"])})
            for argument in data.get("arguments", ())
        ]
        return cls(
            **{
                "num_train": 0,
                "num_validation": 0,
                "num_test": 0,
                "split": "",
                **data,
                "input_shape": tuple(data["input_shape"]),
                "class_names": tuple(data.get("class_names", ())),
                "arguments": tuple(arguments),
            }
        )

    @property
    def for_model(self) -> dict[str, object]:
        """Arguments offered to the model's class; for an earlier version, those of a classifier."""
        if self.offered or not self.num_classes:
            return dict(self.offered)
        channels = {"in_channels": self.input_shape[0]} if self.input_shape else {}
        return {"num_classes": self.num_classes, **channels}


@dataclass(frozen=True)
class Preprocessing:
    """Conversion of an image into the model's input: (values / scale - mean) / std per channel."""

    scale: float  # the value that maps to 1.0: 255 for 8-bit images, 1 for floats
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_order: str  # "grey", "RGB", or a sentence
    resize: int | None = None  # pixels of the shorter side before the centre crop
    crop: int | None = None  # side length of the centre crop in pixels


@dataclass(frozen=True)
class GroupInfo:
    """One dimension of the search: a group's name, and its width in the dense model."""

    name: str
    width: int
    max_ratio: float = 1.0  # maximum ratio to remove, from `sparsity.caps`
    # of a block, which is removed as a whole: the uniform ratio from which it is
    turn: float | None = None

    def uniform(self, ratio: float) -> float:
        """Return the ratio removed by uniform pruning: limited by the cap; all or none
        of a block."""
        if self.turn is not None:
            return self.max_ratio if ratio >= self.turn else 0.0
        return min(ratio, self.max_ratio)


@dataclass(frozen=True)
class KeptGroup:
    """A group that is never pruned, and the reason."""

    name: str
    width: int
    reason: str


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
    """Return the names of what was measured of any model: qualities first, then costs."""
    found = dict.fromkeys(name for metrics in several for name in metrics.measured())
    return [
        *(name for name in found if name not in COSTS),
        *(name for name in COSTS if name in found),
    ]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a trial's training curve."""

    epoch: int  # counted from 1 over the whole trial
    train_loss: float
    quality: float  # the task's first quality on the validation data, in its unit
    validation_loss: float
    learning_rate: float  # at the end of the epoch
    seconds: float
    parts: int = 1  # gradient accumulation: micro-batches per batch, if memory did not suffice
    steps: int = 0  # batches trained on; 0: not recorded

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EpochRecord:
        """Inverse of `dataclasses.asdict`; accepts records of earlier versions."""
        known = dict(data)
        if "validation_accuracy" in known:  # its name until 0.1.0
            known["quality"] = known.pop("validation_accuracy")
        return cls(**known)


@dataclass(frozen=True)
class EpochTime:
    """The training time of one epoch of a model with a given size.

    The teacher's outputs are computed during the first `teacher_epochs` epochs of a sweep and then
    cached; `teacher_seconds` is what this takes of each of them.
    """

    macs: float
    seconds: float
    teacher_seconds: float = 0.0
    teacher_epochs: float = 0.0  # infinite: nothing is cached
    cached_epochs: float = 0.0  # of them, those that the measurement itself has cached


@dataclass(frozen=True)
class Budget:
    """The budget of a search, or its remainder.

    `amount` is a number of trials, epochs or seconds, according to `unit`.
    """

    amount: float
    unit: BudgetUnit  # epochs: of a model of any size


@dataclass(frozen=True)
class Proposal:
    """A candidate proposed by a strategy: a ratio for each group, and how to train it.

    Returned by strategies, and turned into a `Job` by the sweep after ratios are rounded to widths.
    With a `parent`, training starts from that trial's weights; `rung` and `nested` serve successive
    halving and weight-sharing strategies.
    """

    ratios: Mapping[str, float]  # by group name, each in [0, 1)
    origin: str  # "dense", "uniform", "global", "sampler", "chain" ...
    parent: int | None = None  # the trial whose weights it starts from; None: the dense model
    epochs: float | None = None  # epochs of training; None: the complete schedule
    # number of earlier trainings of the same widths; `parent` is then the latest of them
    rung: int = 0
    nested: tuple[Mapping[str, float], ...] = ()  # ratios of smaller models trained in its weights
    seconds: float | None = None  # of the complete trial, in a budget of time; None: no limit


@dataclass(frozen=True)
class Job:
    """A trial to run: the plain data that is sent to executors and worker processes.

    Made from a `Proposal` when a trial starts, and stored in the trial's `job.json`. Together with
    the sweep's settings it determines the trial completely, so a trial can be repeated after a
    crash or in another process.
    """

    number: int
    origin: str
    ratios: Mapping[str, float]  # requested ratios, by group name
    widths: Mapping[str, int]  # channels to keep, by group name
    seed: int
    parent: int | None = None  # the trial whose weights it starts from; None: the dense model
    epochs: float | None = None  # epochs of training; None: the complete schedule
    rung: int = 0
    # Widths of smaller models that are trained in its weights (nested), smallest first. A pass
    # through any of them counts as training, too.
    nested: tuple[Mapping[str, int], ...] = ()
    # Limit of its fine-tuning, which then ends before `epochs` are complete; None: no limit.
    seconds: float | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """Inverse of `dataclasses.asdict`."""
        return cls(**{**data, "nested": tuple(data.get("nested", ()))})


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
        """Inverse of `to_json`; accepts results of earlier versions."""
        known = dict(data)
        if known["state"] != "failed":  # earlier versions wrote only the epochs trained
            known.setdefault("asked_epochs", known.get("epochs"))
        known["metrics"] = Metrics.from_json(known["metrics"])
        known["curve"] = tuple(EpochRecord.from_json(record) for record in known["curve"])
        known["nested"] = tuple(known.get("nested", ()))
        known["scores"] = {n: tuple(values) for n, values in known.get("scores", {}).items()}
        known["quantized"] = tuple(map(QuantizedResult.from_json, known.get("quantized", ())))
        return cls(**known)


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


@dataclass(frozen=True)
class Repeat:
    """The picked architecture retrained with another seed: the task's first quality."""

    seed: int
    validation: float
    test: float


_FASTER = 1.05  # factor; smaller ones are within the noise of two measurements of one file


@dataclass(frozen=True)
class FileFacts:
    """An exported file in one format: the results of its verification, or the reason
    it is missing."""

    format: str  # "safetensors", "compact", or a name of `graph.GRAPHS`
    # largest difference of an output from PyTorch's, in a new process
    difference: float | None = None
    reason: str | None = None  # why the file is not there
    latency_ms: float | None = None  # in the format's engine
    dense_latency_ms: float | None = None  # of the dense model's files, timed alternately
    speedup: float | None = None  # dense (or floating point) / own, the median of the ratios
    time_spread: float | None = None  # relative, of these ratios: half the interquartile range
    contention: float | None = None  # wall time / processor time
    size_bytes: int | None = None  # total of the format's files
    bits: float | None = None  # mean bits of quantized weights
    # The task's first quality on validation data, for quantized weights.
    quality: float | None = None
    # percent of samples with the same class by integer kernels and module
    agreement: float | None = None
    kl: float | None = None  # divergence of the kernels from the module, in nats
    float_latency_ms: float | None = None  # of the same model in floating point, timed alternately

    @property
    def gain_in_words(self) -> str | None:
        """Return a sentence comparing int8 with floating point in the same engine; None if
        unmeasured."""
        if self.latency_ms is None or self.float_latency_ms is None or self.speedup is None:
            return None
        if self.speedup < _FASTER:
            return f"int8 is NOT faster than float32 here ({self.speedup:.2g} times)"
        return f"int8 is {self.speedup:.2g} times as fast as float32 here"
