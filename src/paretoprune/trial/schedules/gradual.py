"""Gradual pruning: masks grow during training; at the end the masked channels are removed."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from paretoprune.config.settings import Settings
from paretoprune.config.values import Share
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.pruning_steps import widths_between
from paretoprune.pruning.candidate import MaskedCandidate, PrunedCandidate
from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Schedule, Start, Trained
from paretoprune.trial.schedules.parts.steps import epochs_of, train


@dataclass(frozen=True, kw_only=True)
class Gradual(Schedule):
    """Train under masks that grow along a cubic curve, then remove what they mask.

    Zhu and Gupta 2017 (To prune, or not to prune, equation 1).
    """

    traits: ClassVar = ("keeps_weights",)
    ramp: Share = 0.5  # share of the training steps over which the masks grow

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Train with growing masks, then prune to the job's widths."""
        assert isinstance(start.candidate, PrunedCandidate | MaskedCandidate)
        candidate = replace(start.candidate, model=copy.deepcopy(start.candidate.model))
        before = candidate.widths()

        def masks_at(share: float) -> dict[str, Tensor]:
            return candidate.masks(start.scores, widths_between(before, job.widths, share))

        masks = MaskSchedule(masks_at, ramp=self.ramp)
        epochs = epochs_of(context, job)
        curve = train(context, candidate, job, epochs=epochs, masks=masks)
        pruned = candidate.prune(start.scores, job.widths, proof=context.problem.example)
        return Trained(pruned, curve, epochs)

    def mistake(self, settings: Settings) -> str | None:
        """Return why ranks cannot shrink under masks."""
        if settings.low_rank.name != "spatial":
            return None
        return (
            "`schedule=gradual` masks channels while it trains, but components of "
            f"`low_rank={settings.low_rank.name}` have no mask; set `schedule=one_shot`"
        )
