"""Growing regularisation before a cut: what will go is pushed out while the network trains."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from paretoprune.finetune.callbacks.regularisation import Regularisation
from paretoprune.pruning.candidate import Candidate, MaskedCandidate, PrunedCandidate
from paretoprune.pruning.penalties import growing
from paretoprune.results import EpochRecord, Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.parts.steps import train


def train_with_growing_penalty(
    context: TrialContext,
    candidate: Candidate,
    scores: Mapping[str, Tensor],
    widths: Mapping[str, int],
    job: Job,
) -> tuple[Candidate, tuple[EpochRecord, ...]]:
    """A copy, trained so that the cut to `widths` by `scores` will hurt less; with its curve.

    The candidate itself where `sparse_training` is not `growing`.
    """
    phase = context.problem.settings.sparse_training
    if phase.name != "growing":
        return candidate, ()
    assert isinstance(candidate, PrunedCandidate | MaskedCandidate)
    grown = replace(candidate, model=copy.deepcopy(candidate.model))
    penalty = growing(grown.model, grown.masks(scores, widths), strength=phase.strength)
    pressure = Regularisation(penalty, dropout=phase.dropout, targeted=phase.targeted)
    curve = train(context, grown, job, epochs=phase.epochs, pressure=pressure)
    return grown, curve
