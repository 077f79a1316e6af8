"""FPGM: channels with filters near the geometric median are redundant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches
from paretoprune.pruning.scorers.parts.sides import filters


@dataclass(frozen=True)
class Fpgm:
    """Sum of Euclidean distances from a channel's filter to those of all other channels.

    Filters near the geometric median have the smallest sums. He et al. 2019 (Filter Pruning via
    Geometric Median for Deep Convolutional Neural Networks Acceleration, section 3). The filters of
    a channel that several layers produce are concatenated.
    """

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches = ()
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. No data are used."""
        return {group.name: _distances(filters(model, group)) for group in groups}


def _distances(rows: Tensor) -> Tensor:
    return torch.cdist(rows, rows).fill_diagonal_(0).sum(1).float()
