"""Sparse training in a trial: the weights that the next step removes are driven towards zero."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from paretoprune.config.instantiate import build
from paretoprune.config.targets.signatures import has_trait
from paretoprune.finetune.callbacks.regularisation import Regularisation
from paretoprune.pruning.candidate import Candidate, MaskedCandidate, PrunedCandidate
from paretoprune.pruning.sparse_training.interface import SparseTraining
from paretoprune.results import EpochRecord, Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.parts.steps import train


def training_before_pruning(context: TrialContext) -> SparseTraining | None:
    """Return the sparse training that takes place in each trial; None if there is none."""
    target = context.settings.sparse_training
    if target is None or not has_trait(target, "before_each_pruning"):
        return None
    found: SparseTraining = build(target)
    return found


def train_before_pruning(
    context: TrialContext,
    candidate: Candidate,
    scores: Mapping[str, Tensor],
    widths: Mapping[str, int],
    job: Job,
) -> tuple[Candidate, tuple[EpochRecord, ...]]:
    """Return a copy trained with a penalty on the weights outside `widths`, and its curve.

    The candidate itself and no curve if `sparse_training` is none or a phase of the dense model.
    """
    phase = training_before_pruning(context)
    if phase is None:
        return candidate, ()
    assert isinstance(candidate, PrunedCandidate | MaskedCandidate)
    grown = replace(candidate, model=copy.deepcopy(candidate.model))
    penalty = phase.penalty_on(grown.model, grown.masks(scores, widths))
    regularisation = Regularisation(penalty, dropout=phase.dropout, targeted=phase.targeted)
    curve = train(context, grown, job, epochs=phase.epochs, regularisation=regularisation)
    return grown, curve
