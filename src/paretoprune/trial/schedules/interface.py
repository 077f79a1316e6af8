"""The interface of schedules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from paretoprune.config.settings import Settings
from paretoprune.pruning.candidate import Candidate
from paretoprune.results import EpochRecord, Job
from paretoprune.trial.context import Start, TrialContext

__all__ = ["Schedule", "Start", "Trained"]


@dataclass(frozen=True)
class Trained:
    """A pruned and trained model with the record of its training."""

    candidate: Candidate
    curve: tuple[EpochRecord, ...]
    epochs: float = 0.0  # passes over the training data
    compensation: Mapping[str, float] = field(default_factory=dict)  # validation losses, "seconds"
    scores: Mapping[str, Tensor] = field(default_factory=dict)  # of the remaining channels


class Schedule(ABC):
    """Prunes and trains a candidate, in an order of its own.

    The `_target_` of `schedule` is a subclass; its fields are its options, given as
    `schedule.NAME=...`. It is built once per trial and called with the trial's job. The parts in
    `trial.schedules.parts` prune with proof and compensation (`prune`), train (`train`) and
    compute new scores (`rescore`); none of them changes the model that it is given, except
    `train`, which trains in place what `prune` returned.

    `traits` declares what the settings must know of a schedule:
        `prunes_once`: it prunes before the only training, so that an untrained candidate is what
            is trained;
        `prunes_untrained`: trials start from the initial weights;
        `retrains_from_scratch`: trials are trained with `model.train`, not `finetune`;
        `keeps_weights`: pruning is not followed by compensation;
        `trains_before_pruning`: it trains by `sparse_training=growing` before it prunes, as
            `in_stages` does;
        `stops_at_target`: it stops at the size target of a single run by itself.
    """

    traits: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Return the model with the widths of `job.widths`, trained for `epochs_of(context, job)`
        epochs.

        The same arguments must give the same model. `start.candidate` and the dense model must not
        be changed; all randomness follows from `job.seed`.
        """

    def epochs(self, settings: Settings) -> float:
        """Return the epochs of the complete training of one trial."""
        from_scratch = "retrains_from_scratch" in self.traits
        return settings.dense_training.epochs if from_scratch else settings.finetune.epochs

    def mistake(self, settings: Settings) -> str | None:
        """Return a sentence that says why the schedule cannot run with the settings, else None."""
        return None
