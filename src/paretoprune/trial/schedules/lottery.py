"""Lottery tickets: prune, rewind, train as the dense model was trained, and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from paretoprune.config.settings import Settings
from paretoprune.config.values import Index, Positive
from paretoprune.finetune.pruning_steps import Spacing, stages, widths_between
from paretoprune.results import EpochRecord, Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.dense_model import early_model
from paretoprune.trial.schedules.interface import Schedule, Start, Trained
from paretoprune.trial.schedules.parts.stages import epochs_from_scratch
from paretoprune.trial.schedules.parts.steps import prune, rescore, train


@dataclass(frozen=True, kw_only=True)
class Lottery(Schedule):
    """Prune a share, rewind, train as the dense model was trained, and again.

    `rewind=weights`: the remaining weights are reset to those at `rewind_epoch` of the dense
    model's training. Frankle and Carbin 2019 (The Lottery Ticket Hypothesis, section 2); later than
    0: Frankle et al. 2020 (Linear Mode Connectivity and the Lottery Ticket Hypothesis).
    `rewind=learning_rate`: the weights stay, the learning-rate schedule restarts; Renda et al. 2020
    (Comparing Rewinding and Fine-tuning in Neural Network Pruning, section 3).
    """

    steps: Positive = 3
    spacing: Spacing = "geometric"
    rewind: Literal["weights", "learning_rate"] = "weights"
    rewind_epoch: Index = 0

    traits: ClassVar = ("retrains_from_scratch",)

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Prune, rewind and train `steps` times."""
        training = context.settings.dense_training
        rewinds = self.rewind == "weights"
        early = early_model(context.problem, self.rewind_epoch) if rewinds else None
        candidate, scores = start.candidate, start.scores
        before = candidate.widths()
        each = epochs_from_scratch(job, training.epochs - self.rewind_epoch, rounds=self.steps)
        curve: tuple[EpochRecord, ...] = ()
        for number, stage in enumerate(stages(self.steps, training.epochs)):
            if number > 0:
                scores = rescore(context, candidate, job)
            widths = widths_between(before, job.widths, stage.share, spacing=self.spacing)
            candidate, _ = prune(context, candidate, scores, widths, trained_next=True)
            if early is not None:
                candidate = candidate.of(early)
            curve += train(
                context,
                candidate,
                job,
                epochs=each,
                first_epoch=len(curve) + 1,
                settings=training,
            )
        return Trained(candidate, curve, each * self.steps)

    def epochs(self, settings: Settings) -> float:
        """Return the epochs of all rounds, each a training from the rewind on."""
        return self.steps * (settings.dense_training.epochs - self.rewind_epoch)

    def mistake(self, settings: Settings) -> str | None:
        """Return why the dense model's training has no such epoch to rewind to."""
        if self.rewind != "weights":
            return None
        if settings.model.weights:
            return (
                "`schedule.rewind=weights` rewinds to an epoch of the dense model's training, "
                "which is unknown for given `model.weights`; set `schedule.rewind=learning_rate`"
            )
        if self.rewind_epoch >= max(settings.dense_training.epochs, 1):
            return "`schedule.rewind_epoch` must be below `model.train.epochs`"
        return None
