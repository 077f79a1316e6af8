"""LAMP: layer-adaptive magnitude."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches, named_weights, on_cpu, sums_of
from paretoprune.pruning.scorers.parts.gradients import weights_of


@dataclass(frozen=True)
class Lamp:
    """Squared magnitude of a channel over the sum of those of its group that are not smaller.

    Lee et al. 2021 (Layer-adaptive Sparsity for the Magnitude-based Pruning, section 2), for
    channels instead of single weights. Within a group the order is that of the L2 magnitude; across
    groups, the largest channel of each scores 1, so that no group is emptied.
    """

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches = ()
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. No data are used."""
        weights = weights_of(model, groups)
        squares = {name: weight.detach().square() for name, weight in weights.items()}
        sums = sums_of(groups, weights, squares)
        return {name: lamp(total).float() for name, total in sums.items()}

    def per_weight(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches = ()
    ) -> dict[str, Tensor]:
        """Return the score of the paper for each weight, by tensor name, shaped like it."""
        weights = named_weights(model, tensors)
        squares = {name: weight.detach().double().square() for name, weight in weights.items()}
        return on_cpu({n: lamp(s.flatten()).reshape(s.shape) for n, s in squares.items()})


def lamp(squares: Tensor) -> Tensor:
    """Divide each number by the sum of those not smaller than it; of equals, the first is largest.

    Shape (n,) to (n,); zeros stay zero.
    """
    order = torch.argsort(squares, descending=True, stable=True)
    falling = squares[order]
    left = falling.cumsum(0)
    scores = torch.zeros_like(squares)
    scores[order] = torch.where(falling > 0, falling / left, 0.0)
    return scores
