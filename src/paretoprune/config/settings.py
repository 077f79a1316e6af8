"""The validated settings of one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.checks.cross_checks import RULES
from paretoprune.config.checks.rank_checks import against_ranks
from paretoprune.config.groups.allocation import UNIFORM
from paretoprune.config.groups.compensation import AUTO as AUTO_COMPENSATION
from paretoprune.config.groups.compensation import LEAST_SQUARES
from paretoprune.config.groups.executor import ExecutorSettings
from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.groups.granularity import CHANNELS
from paretoprune.config.groups.low_rank import LowRankSettings
from paretoprune.config.groups.measure import MeasureSettings
from paretoprune.config.groups.model import ModelSettings
from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.config.groups.task import AUTO
from paretoprune.config.groups.tracking import TrackingSettings
from paretoprune.config.groups.trainer import TrainerSettings
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import has_trait
from paretoprune.config.values import Positive, check_device, strict
from paretoprune.metrics import BYTES


@dataclass(frozen=True, kw_only=True, config=strict)
class Settings:
    """The complete settings of one command: the composed config, validated.

    Created by `config.load.load_settings`. Each field is one config group under conf/ or a
    top-level value. Settings that are valid on their own but not together are rejected by the rules
    in `config.checks.cross_checks`.

    Raises ValueError (via pydantic) with one line per violated rule.
    """

    name: str | None  # of the sweep's folder; a single run is named after its settings
    model: ModelSettings
    data: Target
    task: Target = AUTO
    scorer: Target
    schedule: Target
    granularity: Target = CHANNELS
    low_rank: LowRankSettings = LowRankSettings()
    quantization: Target | None = None  # of each trained model; None: there is none
    compensation: Target | None = AUTO_COMPENSATION  # of each pruning; None: there is none
    sparse_training: Target | None = None  # before pruning; None: there is none
    sparsity: SparsitySettings
    allocation: Target = UNIFORM  # of the target of a single run to the groups
    finetune: FinetuneSettings
    trainer: TrainerSettings = TrainerSettings()
    measure: MeasureSettings
    search: SearchSettings | None
    executor: ExecutorSettings
    tracking: TrackingSettings
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Annotated[Literal["auto", "cpu", "cuda"], BeforeValidator(check_device)] = "auto"
    threads: Positive | None = None  # CPU threads of this process; None: PyTorch's default
    sweeps_dir: Path = Path("sweeps")
    cache_dir: Path = Path(".cache")
    trust: tuple[str, ...] = ()  # user packages that `_target_` may name

    @property
    def dense_training(self) -> FinetuneSettings:
        """Settings of the dense model's training, `model.train`."""
        return self.model.train

    @property
    def is_structured(self) -> bool:
        """True if layers become smaller; False if weights are set to zero."""
        return not has_trait(self.granularity, "is_unstructured")

    @property
    def uses_gate_scores(self) -> bool:
        """True if the strategy ranks channels by gate gradients collected during training."""
        by_gates = self.search is not None and has_trait(self.search.strategy, "uses_gate_scores")
        return by_gates and self.is_structured

    @property
    def has_untrained_front(self) -> bool:
        """True if untrained candidates are compensated and do not take the place of a trial.

        Where bits are searched they make files smaller at less loss than untrained channels do.
        """
        budget = self.search.budget if self.search else None
        return (
            budget is not None
            and budget.unit != "trials"
            and self.bytes_of_bits is None
            and has_trait(self.schedule, "prunes_once")
            and self.compensation_method is not None
        )

    @property
    def compares_ranks(self) -> bool:
        """True if the search compares models with ranks and without, and searches the better.

        The comparison costs a few per cent of the time, so only a budget of time has room for it.
        """
        return (
            self.low_rank.name == "auto"
            and self.search is not None
            and self.search.budget is not None
            and self.search.budget.unit == "seconds"
            and has_trait(self.search.strategy, "compares_ranks")
            and self.has_untrained_front
            and against_ranks(self) is None
        )

    @property
    def bytes_of_bits(self) -> str | None:
        """The objective for which bits are searched together with sizes; None if they are not."""
        if self.search is None or self.quantization is None:
            return None
        if not getattr(build(self.quantization), "searches_bits", False):
            return None
        return next((name for name in BYTES if name in self.search.objectives), None)

    @property
    def trial_epochs(self) -> float:
        """Epochs of the complete schedule of one trial."""
        return float(build(self.schedule).epochs(self))

    @property
    def retrains_from_scratch(self) -> bool:
        """True if trials are trained as the dense model is (`model.train`), not fine-tuned."""
        return has_trait(self.schedule, "retrains_from_scratch")

    @property
    def compensation_method(self) -> Target | None:
        """Compensation method for the remaining weights; None disables it.

        `auto` selects least squares for structured pruning of trained weights.
        """
        if self.compensation != AUTO_COMPENSATION:
            return self.compensation
        keeps_weights = not self.retrains_from_scratch
        return LEAST_SQUARES if self.is_structured and keeps_weights else None

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        mistakes = [mistake for rule in RULES if (mistake := rule(self))]
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self
