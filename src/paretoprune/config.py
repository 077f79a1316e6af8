"""Settings: what the YAML under conf/ may say, as frozen dataclasses that check themselves.

One class per config group. This file says what is right; `mistakes.py` says it to a user who
wrote something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.results import DIRECTIONS, TIMED, Budget, BudgetUnit, Direction

_SIZES = ("macs", "params", "bytes", "latency")  # a share of which a single run may keep
_TARGETS = ("ratio", *_SIZES, "accuracy_drop", "ratios")
_strict = ConfigDict(extra="forbid")

_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}


def parse_count(value: object) -> object:
    """`50k` -> 50000, `1.5M` -> 1500000; numbers stay as they are."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([0-9.]+)\s*([kKmMgG]?)\s*", value)
        if match:
            return float(match[1]) * _SUFFIXES[match[2].lower()]
    return value


_BUDGETS: Mapping[str, tuple[float, BudgetUnit]] = {
    "": (1, "trials"),
    "trials": (1, "trials"),
    "ep": (1, "epochs"),
    "s": (1, "seconds"),
    "min": (60, "seconds"),
    "h": (3600, "seconds"),
}


def parse_budget(value: object) -> object:
    """`10min` -> 600 seconds, `200ep` -> 200 epochs, `40` -> 40 trials."""
    if isinstance(value, Budget | Mapping) or value is None:
        return value
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", str(value))
    if match is None or match[2] not in _BUDGETS:
        raise ValueError(
            f"a budget is a time (`90s`, `10min`, `2h`), passes over the training data (`200ep`) "
            f"or a number of trials (`40`), not `{value}`"
        )
    scale, unit = _BUDGETS[match[2]]
    return Budget(float(match[1]) * scale, unit)


def parse_seconds(value: object) -> object:
    """`90s` -> 90, `10min` -> 600, `2h` -> 7200; numbers are seconds already."""
    if not isinstance(value, str) or value.strip().isdigit():
        return value
    budget = parse_budget(value)
    if not isinstance(budget, Budget) or budget.unit != "seconds":
        raise ValueError(f"a time is written `90s`, `10min` or `2h`, not `{value}`")
    return budget.amount


Count = Annotated[float, Field(gt=0), BeforeValidator(parse_count)]
Seconds = Annotated[float, Field(gt=0), BeforeValidator(parse_seconds)]
Share = Annotated[float, Field(gt=0, le=1)]  # of the dense model's
Ratio = Annotated[float, Field(ge=0, lt=1)]  # of a group's channels to remove
Drop = Annotated[float, Field(ge=0, le=100)]  # of accuracy, in percentage points
Percent = Annotated[float, Field(ge=0, le=100)]
Positive = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True, config=_strict)
class Target:
    """A class or function by its dotted path (`_target_` in YAML) and its arguments."""

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, config=_strict)
class FinetuneSettings:
    """How a network is trained: the dense model from scratch, a pruned one after pruning."""

    epochs: Annotated[int, Field(ge=0)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 0.005  # the peak of the one-cycle schedule
    tune_learning_rate: bool = True  # look for a better peak before the first trial
    rate_growth: Annotated[float, Field(ge=0, le=1)] = (
        0.5  # small models: (dense MACs / MACs) ** it
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.3  # share of the steps with a rising rate
    distillation: Annotated[float, Field(ge=0, le=1)] = 0.0  # weight of the dense model's answers
    temperature: Annotated[float, Field(gt=0)] = 2.0  # of the distillation
    recalibration_batches: Annotated[int, Field(ge=0)] = 8  # BatchNorm statistics after pruning
    precision: Literal["auto", "32", "bf16"] = "auto"


@dataclass(frozen=True, kw_only=True, config=_strict)
class ModelSettings:
    """The dense model: what builds it, and its weights or the training that makes them."""

    target: Target
    weights: Path | None = None  # .safetensors, .pt or .pth
    published_accuracy: Percent | None = None  # on the official test images, if known
    train: FinetuneSettings = FinetuneSettings(epochs=20, learning_rate=0.1)


@dataclass(frozen=True, kw_only=True, config=_strict)
class ScheduleSettings:
    """When the plan is carried out during fine-tuning. Which settings count depends on the name."""

    name: Literal[
        "one_shot", "iterative", "gradual", "one_by_one", "lottery", "regrow", "at_init"
    ] = "one_shot"
    steps: Positive = 1  # prunings; one_by_one: at most so many
    spacing: Literal["linear", "geometric"] = "linear"  # equal numbers go, or equal shares
    ramp: Share = 0.5  # gradual: share of the training steps over which the masks grow
    units: Positive = 1  # one_by_one: channels that go at a time
    recovery: Positive = 4  # one_by_one: training batches after each removal
    min_accuracy: Percent | None = None  # one_by_one: stop before the validation falls below
    rewind: Literal["weights", "learning_rate"] = "weights"  # lottery: what goes back
    rewind_epoch: Annotated[int, Field(ge=0)] = 0  # lottery: to this epoch of the dense training
    exchanged: Share = 0.3  # regrow: share of the weights that are exchanged at first
    every: Positive = 10  # regrow: training steps between two exchanges
    until: Share = 0.75  # regrow: share of the training steps after which nothing is exchanged
    overgrow: Annotated[float, Field(ge=1)] = 1.0  # regrow: so many times the weights, until then

    @model_validator(mode="after")
    def _steps_fit_the_name(self) -> ScheduleSettings:
        if self.name == "iterative" and self.steps < 2:
            raise ValueError("`schedule.steps` must be 2 or more with `schedule=iterative`")
        return self

    @property
    def trains_anew(self) -> bool:
        """Whether trials are trained as the dense model is (`model.train`), not fine-tuned."""
        return self.name in ("lottery", "at_init")


@dataclass(frozen=True, kw_only=True, config=_strict)
class GranularitySettings:
    """What goes: channels or residual blocks (depth), which makes a model smaller, or weights,
    which leaves zeros."""

    name: Literal["channels", "depth", "channels_depth", "weights", "nm", "block"] = "channels"
    m: Annotated[int, Field(ge=2)] = 4  # nm: N of every m inputs stay; the ratio says N
    rows: Positive = 4  # block: outputs
    columns: Positive = 1  # block: inputs

    @property
    def smaller(self) -> bool:
        """Whether the model becomes smaller, and is not only set to zero in places."""
        return self.name in ("channels", "depth", "channels_depth")

    @property
    def blocks(self) -> bool:
        """Whether whole residual blocks go."""
        return self.name in ("depth", "channels_depth")


@dataclass(frozen=True, kw_only=True, config=_strict)
class SparseTrainingSettings:
    """A phase of training before pruning that pushes weights towards zero."""

    name: Literal["none", "l1", "bn_scale", "group_lasso", "growing"] = "none"
    strength: Annotated[float, Field(gt=0)] = 1e-4  # of the penalty in the loss
    epochs: Positive = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # probability that a weight sits out a step
    targeted: Share = 1.0  # dropout strikes this share of each layer's weights, the smallest


@dataclass(frozen=True, kw_only=True, config=_strict)
class SparsitySettings:
    """How much to remove: the target of a single run, the rounding, and the limits of a sweep."""

    ratio: Ratio | None = None  # single run: the same ratio for every group
    macs: Share | None = None  # single run: the share of the dense MACs to keep
    params: Share | None = None  # single run: the share of the dense parameters to keep
    bytes: Share | None = None  # single run: the share of the dense model file's bytes to keep
    latency: Share | None = None  # single run: the share of the dense latency to keep
    accuracy_drop: Drop | None = None  # single run: the smallest model within so many points
    ratios: Mapping[str, Ratio] | None = None  # single run: a ratio by pattern of group names
    caps: Mapping[str, Ratio] = field(default_factory=dict)  # the most that goes, by pattern
    # How a share is reached; `score` and `sensitivity` remove what matters least for its size.
    allocation: Literal["uniform", "global", "erk", "lamp", "score", "sensitivity"] = "uniform"
    divisor: Positive = 4  # widths are rounded to multiples of it
    min_channels: Positive = 1  # no group becomes narrower
    max_params: Count | None = None
    max_macs: Count | None = None
    max_size_bytes: Count | None = None
    max_latency_ms: Count | None = None
    min_accuracy: Percent | None = None

    @property
    def size_target(self) -> tuple[str, float] | None:
        """Of a single run: the quantity, and the share of the dense model's to keep."""
        given = [(name, getattr(self, name)) for name in _SIZES]
        return next(((name, share) for name, share in given if share is not None), None)

    @model_validator(mode="after")
    def _one_target(self) -> SparsitySettings:
        given = [name for name in _TARGETS if getattr(self, name) is not None]
        if len(given) > 1:
            names = " and ".join(f"`sparsity.{name}`" for name in given)
            raise ValueError(f"give one target, not {names} together")
        return self


@dataclass(frozen=True, kw_only=True, config=_strict)
class MeasureSettings:
    """What is measured beside quality, parameters, MACs and bytes, which always are."""

    latency: bool = True
    latency_batch_size: Positive = 1
    latency_threads: Positive = 1
    latency_repeats: Annotated[int, Field(ge=10)] = 30
    latency_warmup: Positive = 5


@dataclass(frozen=True, kw_only=True, config=_strict)
class SearchSettings:
    """The search over ratios. Without it (`search=none`) a command is one single run."""

    strategy: Literal["full", "uniform", "global", "halving", "chain", "auto"] = "full"
    sampler: Target | None = None  # of the strategies `full` and `halving`
    log_sizes: bool = False  # of a sampler: sizes drawn evenly in their logarithm
    n_trials: Positive = 30  # in total, baselines included, where there is no budget
    budget: Annotated[Budget | None, BeforeValidator(parse_budget)] = None
    num_sizes: Positive = 10  # from the largest to the smallest, where the budget does not say
    min_gain: Annotated[float, Field(ge=0, lt=1)] = 0.001  # of the front's area, for one more trial
    extend: bool = False  # go on with a sweep that was made for a smaller budget
    storage: str | None = None  # URL of a study that several sweeps share; None: study.db
    objectives: Mapping[str, Direction] = field(
        default_factory=lambda: {"accuracy": "maximize", "macs": "minimize"}
    )
    max_ratio: Ratio = 0.9  # the most that may be removed from one group
    baseline_ratios: tuple[Ratio, ...] = (0.2, 0.4, 0.6, 0.8)  # uniform; global at equal MACs

    @model_validator(mode="after")
    def _objectives_are_measured(self) -> SearchSettings:
        if not 2 <= len(self.objectives) <= 3:
            raise ValueError(
                f"`search.objectives` must name two or three quantities, got {len(self.objectives)}"
            )
        unknown = [name for name in self.objectives if name not in DIRECTIONS]
        if unknown:
            raise ValueError(
                f"`search.objectives` names {', '.join(unknown)}, which is not measured; "
                f"measured are: {', '.join(DIRECTIONS)}"
            )
        return self

    @model_validator(mode="after")
    def _who_asks_has_a_sampler(self) -> SearchSettings:
        if self.strategy in ("full", "halving") and self.sampler is None:
            raise ValueError(f"`search.strategy={self.strategy}` needs `search.sampler`")
        return self

    @model_validator(mode="after")
    def _baselines_are_in_the_space(self) -> SearchSettings:
        if max(self.baseline_ratios, default=0.0) > self.max_ratio:
            raise ValueError(
                f"`search.baseline_ratios` must not exceed `search.max_ratio={self.max_ratio}`"
            )
        return self


@dataclass(frozen=True, kw_only=True, config=_strict)
class ExecutorSettings:
    """Where trials run, and what one may cost."""

    name: Literal["inline", "processes", "ray", "slurm"] = "inline"
    workers: Positive = 1  # trials under way at once
    time_limit: Seconds | None = None  # of a trial; one that takes longer has failed
    retries: Annotated[int, Field(ge=0)] = 2  # of a trial whose process died
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0.0
    address: str | None = None  # ray: of a cluster, or `auto`; null: this machine
    cluster: Literal["slurm", "local"] = "slurm"  # slurm: `local` tries it without Slurm
    partition: str | None = None  # slurm

    @model_validator(mode="after")
    def _fits_the_name(self) -> ExecutorSettings:
        if self.name == "inline" and self.workers > 1:
            raise ValueError(
                f"`executor.workers={self.workers}` needs other processes; "
                "choose `executor=processes`, `executor=ray` or `executor=slurm`"
            )
        if self.gpus_per_worker and self.name not in ("ray", "slurm"):
            raise ValueError("`executor.gpus_per_worker` needs `executor=ray` or `executor=slurm`")
        if self.address and self.name != "ray":
            raise ValueError("`executor.address` needs `executor=ray`")
        return self


@dataclass(frozen=True, kw_only=True, config=_strict)
class TrackingSettings:
    """Where MLflow keeps its view of the sweep."""

    enabled: bool = True
    uri: str | None = None  # default: mlflow.db in the project's root, as plain `mlflow ui` reads


@dataclass(frozen=True, kw_only=True, config=_strict)
class Settings:
    """Everything that one command does, as said by the composed config."""

    name: str | None  # of the sweep's folder; a single run is named after its settings
    model: ModelSettings
    data: Target
    scorer: Target
    schedule: ScheduleSettings
    granularity: GranularitySettings = GranularitySettings()
    compensation: Literal["auto", "none", "bias", "least_squares", "obs"] = "auto"
    sparse_training: SparseTrainingSettings = SparseTrainingSettings()
    sparsity: SparsitySettings
    finetune: FinetuneSettings
    measure: MeasureSettings
    search: SearchSettings | None
    executor: ExecutorSettings
    tracking: TrackingSettings
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Positive | None = None  # of this process; None: as many as torch takes
    sweeps_dir: Path = Path("sweeps")
    cache_dir: Path = Path(".cache")
    trust: tuple[str, ...] = ()  # packages of the user's own that `_target_` may name

    @property
    def goes_by_gates(self) -> bool:
        """Whether the search goes by what trainings say of their channels."""
        by_gates = self.search is not None and self.search.strategy == "auto"
        return by_gates and self.granularity.smaller

    @property
    def compensation_method(self) -> str | None:
        """How kept weights make up for what went; None where they stay as they are.

        `auto` is least squares where channels or blocks go and the trained weights are kept.
        """
        if self.compensation != "auto":
            return None if self.compensation == "none" else self.compensation
        keeps_weights = not self.schedule.trains_anew
        return "least_squares" if self.granularity.smaller and keeps_weights else None

    @model_validator(mode="after")
    def _parts_of_pruning_fit(self) -> Settings:
        whole = self.granularity.smaller
        if whole and self.schedule.name == "regrow":
            raise ValueError(
                "`schedule=regrow` exchanges single weights; set `granularity=weights`"
            )
        if self.schedule.name == "regrow" and self.granularity.name != "weights":
            raise ValueError("`schedule=regrow` needs `granularity=weights`")
        if not whole and self.schedule.name == "one_by_one":
            raise ValueError("`schedule=one_by_one` needs `granularity=channels`")
        if whole and self.compensation == "obs":
            raise ValueError(
                "`compensation=obs` is for single weights; with `granularity=channels`, "
                "`compensation=least_squares` does the same"
            )
        timed = (
            self.sparsity.latency
            or self.sparsity.max_latency_ms
            or (self.search and not set(TIMED).isdisjoint(self.search.objectives))
        )
        if not whole and timed:
            raise ValueError(
                "zeros do not change the latency here, so it can be neither a target, a limit nor "
                "an objective; set `granularity=channels`"
            )
        if self.granularity.blocks and timed:
            raise ValueError(
                "how long a model without some blocks takes is not forecast, so latency can be "
                "neither a target, a limit nor an objective; set `granularity=channels`"
            )
        if not whole and self.sparse_training.name in ("bn_scale", "group_lasso"):
            raise ValueError(
                f"`sparse_training={self.sparse_training.name}` needs `granularity=channels`"
            )
        if self.schedule.name == "lottery" and self.schedule.rewind == "weights":
            if self.model.weights:
                raise ValueError(
                    "`schedule.rewind=weights` goes back to the dense model's own training, which "
                    "`model.weights` does not tell; set `schedule.rewind=learning_rate`"
                )
            if self.schedule.rewind_epoch >= max(self.model.train.epochs, 1):
                raise ValueError("`schedule.rewind_epoch` must be below `model.train.epochs`")
        return self

    @model_validator(mode="after")
    def _combinations(self) -> Settings:
        if self.search and not self.measure.latency:
            timed = [name for name in self.search.objectives if name in TIMED]
            if timed:
                raise ValueError(
                    f"`search.objectives` names {', '.join(timed)}, which is not measured with "
                    "`measure.latency=false`; set `measure.latency=true`"
                )
        if self.sparsity.latency and not self.measure.latency:
            raise ValueError("`sparsity.latency` needs `measure.latency=true`")
        if self.sparsity.max_latency_ms and not self.measure.latency:
            raise ValueError("`sparsity.max_latency_ms` needs `measure.latency=true`")
        if self.name is not None and not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(
                f"`name={self.name}` must be made of letters, digits, `_`, `-` and `.`: "
                "it names a folder in `sweeps_dir`"
            )
        if self.search and self.name is None:
            raise ValueError("a sweep needs a `name`, for example `name=my-sweep`")
        return self
