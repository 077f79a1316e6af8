"""Growing regularisation: the weights that the next step removes are driven towards zero."""

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
    """Return a copy trained with a growing penalty on the weights outside `widths`, and its curve.

    The candidate itself and no curve if `sparse_training` is not `growing`.
    """
    phase = context.settings.sparse_training
    if phase.name != "growing":
        return candidate, ()
    assert isinstance(candidate, PrunedCandidate | MaskedCandidate)
    grown = replace(candidate, model=copy.deepcopy(candidate.model))
    penalty = growing(grown.model, grown.masks(scores, widths), strength=phase.strength)
    regularisation = Regularisation(penalty, dropout=phase.dropout, targeted=phase.targeted)
    curve = train(context, grown, job, epochs=phase.epochs, regularisation=regularisation)
    return grown, curve
