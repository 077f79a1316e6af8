"""Group lasso over channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from paretoprune.config.values import Strength
from paretoprune.pruning.scorers.parts.channels import sum_per_channel, weight_slots
from paretoprune.pruning.sparse_training.gradients import grad_of
from paretoprune.pruning.sparse_training.interface import Group, Penalty, SparseTraining


@dataclass(frozen=True, kw_only=True)
class GroupLasso(SparseTraining):
    """Group lasso: strength x the sum over channels of the Euclidean norm of all their weights.

    Wen et al. 2016 (Learning Structured Sparsity in Deep Neural Networks, section 3.1), with the
    weights of a channel in all layers of its group, as in Fang et al. 2023 (DepGraph, section 3.3).
    The gradient of a zero norm is taken as zero.
    """

    strength: Strength = 1e-4
    traits: ClassVar = ("needs_channels",)

    def penalty(self, model: nn.Module, groups: Sequence[Group], /) -> Penalty:
        """Return the penalty on the channels of the groups."""
        parameters = dict(model.named_parameters())

        @torch.no_grad()
        def add(_progress: float) -> None:
            for group in groups:
                squares = sum_per_channel(group, parameters, lambda _name, weight: weight.square())
                factors = torch.where(squares > 0, self.strength / squares.sqrt(), 0.0)
                for slot in weight_slots(group, parameters):
                    weight = parameters[slot.tensor]
                    along = torch.zeros(weight.shape[slot.dim], dtype=torch.float64)
                    places = torch.tensor(slot.positions)
                    along[places] = factors[:, None].expand(places.shape)
                    shape = [-1 if axis == slot.dim else 1 for axis in range(weight.dim())]
                    grad_of(weight).add_(weight * along.to(weight).reshape(shape))

        return add
