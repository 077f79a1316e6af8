"""Gradual pruning: masks grow while the network trains; at the end the plan is carried out."""

from __future__ import annotations

import copy
from dataclasses import replace

from torch import Tensor

from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.pruning_steps import widths_between
from paretoprune.pruning.candidate import MaskedCandidate, PrunedCandidate
from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.steps import Start, Trained, epochs_of, train


def gradual(context: TrialContext, job: Job, start: Start) -> Trained:
    """Train the model whole under masks that grow along the cubic curve, then prune for real."""
    settings = context.problem.settings
    assert isinstance(start.candidate, PrunedCandidate | MaskedCandidate)
    candidate = replace(start.candidate, model=copy.deepcopy(start.candidate.model))
    before = candidate.widths()

    def masks_at(share: float) -> dict[str, Tensor]:
        widths = widths_between(before, job.widths, share)
        return candidate.masks(start.scores, widths)

    masks = MaskSchedule(masks_at, ramp=settings.schedule.ramp)
    epochs = epochs_of(context, job)
    curve = train(context, candidate, job, epochs=epochs, masks=masks)
    pruned = candidate.prune(start.scores, job.widths, proof=context.problem.example)
    return Trained(pruned, curve, epochs)
