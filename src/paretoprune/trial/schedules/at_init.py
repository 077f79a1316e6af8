"""Pruning at initialisation: the untrained model is pruned, then trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from paretoprune.config.values import Positive
from paretoprune.finetune.pruning_steps import Spacing, widths_between
from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Schedule, Start, Trained
from paretoprune.trial.schedules.parts.stages import epochs_from_scratch
from paretoprune.trial.schedules.parts.steps import prune, rescore, train


@dataclass(frozen=True, kw_only=True)
class AtInit(Schedule):
    """Prune the untrained model in `steps`, with new scores before each, then train it.

    One step is Lee et al. 2019 (SNIP) and Wang et al. 2020 (GraSP); many are Tanaka et al. 2020
    (SynFlow, algorithm 1).
    """

    steps: Positive = 1
    spacing: Spacing = "geometric"

    traits: ClassVar = ("prunes_untrained", "retrains_from_scratch")

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Prune `steps` times, then train once."""
        training = context.settings.dense_training
        candidate, scores = start.candidate, start.scores
        before = candidate.widths()
        for step in range(1, self.steps + 1):
            if step > 1:
                scores = rescore(context, candidate, job)
            widths = widths_between(before, job.widths, step / self.steps, spacing=self.spacing)
            if widths != candidate.widths():
                candidate, _ = prune(context, candidate, scores, widths, trained_next=True)
        epochs = epochs_from_scratch(job, training.epochs, rounds=1)
        curve = train(context, candidate, job, epochs=epochs, settings=training)
        return Trained(candidate, curve, epochs)
