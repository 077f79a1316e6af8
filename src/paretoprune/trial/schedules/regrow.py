"""Dynamic sparse training: weights are exchanged while the network trains."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from paretoprune.finetune.callbacks.regrow import Regrow
from paretoprune.pruning.candidate import MaskedCandidate
from paretoprune.pruning.unstructured.layers import zero
from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.steps import Start, Trained, epochs_of, prune, train


def regrow(context: TrialContext, job: Job, start: Start) -> Trained:
    """Zero to `overgrow` times the weights of the job, train while exchanging, select the rest."""
    schedule = context.problem.settings.schedule
    dense = start.candidate
    assert isinstance(dense, MaskedCandidate)
    wide = _overgrown(job.widths, dense.widths(), schedule.overgrow)
    masks = _masks(dense, start.scores, wide, job.widths)
    epochs = epochs_of(context, job)
    candidate, gains = prune(context, dense, start.scores, wide, trained_next=epochs > 0)
    assert isinstance(candidate, MaskedCandidate)
    keep = {layer.tensor: job.widths[layer.name] for layer in candidate.layers.found}
    callback = Regrow(masks, {name: keep[name] for name in masks}, schedule)
    curve = train(context, candidate, job, epochs=epochs, masks=callback)
    final = replace(candidate, model=copy.deepcopy(candidate.model))
    zero(final.model, callback.masks)
    if not callback.complete:  # nothing was trained
        final = final.prune(start.scores, job.widths, proof=None)
    return Trained(final, curve, epochs, gains)


def _masks(
    dense: MaskedCandidate,
    scores: Mapping[str, Tensor],
    wide: Mapping[str, int],
    end: Mapping[str, int],
) -> dict[str, Tensor]:
    """Of all layers that will lose weights, also of those that are whole at first."""
    whole = {
        layer.tensor: torch.ones(layer.shape, dtype=torch.bool)
        for layer in dense.layers.found
        if end[layer.name] < layer.units
    }
    return {**whole, **dense.masks(scores, wide)}


def _overgrown(widths: Mapping[str, int], most: Mapping[str, int], factor: float) -> dict[str, int]:
    return {name: min(most[name], round(factor * width)) for name, width in widths.items()}
