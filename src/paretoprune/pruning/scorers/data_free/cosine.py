"""Cosine similarity: channels with a filter parallel to a stronger one are redundant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches
from paretoprune.pruning.scorers.parts.sides import filters


@dataclass(frozen=True)
class Cosine:
    """1 - the largest cosine similarity of a channel's filter to one of larger norm.

    The similarity of Ayinde and Zurada 2018 (Building Efficient ConvNets using Redundant Feature
    Pruning), which keeps one of each set of similar filters; here that is the strongest. The filter
    of largest norm scores 2, as if it were the opposite of every other one; a filter of zeros
    scores 0.
    """

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches = ()
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. No data are used."""
        return {group.name: _distinctness(filters(model, group)).float() for group in groups}


def _distinctness(rows: Tensor) -> Tensor:
    norms = rows.norm(dim=1)
    order = torch.argsort(norms, descending=True, stable=True)
    directions = normalize(rows[order], dim=1)
    similarity = directions @ directions.T
    similarity[torch.triu(torch.ones_like(similarity, dtype=torch.bool))] = -1  # not stronger
    scores = torch.empty_like(norms)
    scores[order] = 1 - similarity.amax(1).clamp(-1, 1)
    return scores.where(norms > 0, 0.0)
