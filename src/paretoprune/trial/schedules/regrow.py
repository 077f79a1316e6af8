"""Dynamic sparse training: weights are exchanged during training."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from paretoprune.config.settings import Settings
from paretoprune.config.targets.signatures import has_trait
from paretoprune.config.values import Factor, Positive, Share
from paretoprune.finetune.callbacks.regrow import Regrow
from paretoprune.pruning.candidate import MaskedCandidate
from paretoprune.pruning.unstructured.layers import zero
from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Schedule, Start, Trained
from paretoprune.trial.schedules.parts.steps import epochs_of, prune, train


@dataclass(frozen=True, kw_only=True)
class RegrowWeights(Schedule):
    """Zero the smallest weights, then exchange active for zeroed weights while training.

    RigL, Evci et al. 2020 (Rigging the Lottery, section 3). With `overgrow` above 1, more weights
    than the job's stay active until the largest are selected: Chechik et al. 1998 (Synaptic Pruning
    in Development: A Computational Account).
    """

    exchanged: Share = 0.3  # share of the weights exchanged at first; it decays along a cosine
    every: Positive = 10  # training steps between two exchanges
    until: Share = 0.75  # share of the training steps after which nothing is exchanged
    overgrow: Factor = 1.0  # factor of the number of active weights

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Zero to `overgrow` times the weights of the job, train, select the rest."""
        dense = start.candidate
        assert isinstance(dense, MaskedCandidate)
        wide = _overgrown(job.widths, dense.widths(), self.overgrow)
        masks = _masks(dense, start.scores, wide, job.widths)
        epochs = epochs_of(context, job)
        candidate, gains = prune(context, dense, start.scores, wide, trained_next=epochs > 0)
        assert isinstance(candidate, MaskedCandidate)
        keep = {layer.tensor: job.widths[layer.name] for layer in candidate.layers.found}
        kept = {name: keep[name] for name in masks}
        callback = Regrow(masks, kept, every=self.every, until=self.until, exchanged=self.exchanged)
        curve = train(context, candidate, job, epochs=epochs, masks=callback)
        final = replace(candidate, model=copy.deepcopy(candidate.model))
        zero(final.model, callback.masks)
        if not callback.complete:  # nothing was trained
            final = final.prune(start.scores, job.widths, proof=None)
        return Trained(final, curve, epochs, gains)

    def mistake(self, settings: Settings) -> str | None:
        """Return why the granularity has no single weights to exchange."""
        if has_trait(settings.granularity, "has_single_weights"):
            return None
        if settings.is_structured:
            return "`schedule=regrow` exchanges single weights; set `granularity=weights`"
        return "`schedule=regrow` needs `granularity=weights`"


def _masks(
    dense: MaskedCandidate,
    scores: Mapping[str, Tensor],
    wide: Mapping[str, int],
    end: Mapping[str, int],
) -> dict[str, Tensor]:
    """Return the masks of all layers that will lose weights, even if none are zeroed at first."""
    whole = {
        layer.tensor: torch.ones(layer.shape, dtype=torch.bool)
        for layer in dense.layers.found
        if end[layer.name] < layer.units
    }
    return {**whole, **dense.masks(scores, wide)}


def _overgrown(widths: Mapping[str, int], most: Mapping[str, int], factor: float) -> dict[str, int]:
    return {name: min(most[name], round(factor * width)) for name, width in widths.items()}
