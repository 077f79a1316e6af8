"""L1 penalty on all weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from paretoprune.config.values import Strength
from paretoprune.pruning.sparse_training.gradients import sum_of_absolutes
from paretoprune.pruning.sparse_training.interface import Group, Penalty, SparseTraining


@dataclass(frozen=True, kw_only=True)
class L1(SparseTraining):
    """L1 penalty: strength x the sum of |weight| over all weights with at least two dimensions."""

    strength: Strength = 1e-5

    def penalty(self, model: nn.Module, groups: Sequence[Group], /) -> Penalty:
        """Return the penalty on the weights of a model."""
        weights = [p for p in model.parameters() if p.requires_grad and p.dim() > 1]
        return sum_of_absolutes(weights, self.strength)
