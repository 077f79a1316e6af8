"""Channels that add little to what the next layers compute matter little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.channels import sum_slot
from paretoprune.pruning.scorers.inputs import input_means
from paretoprune.pruning.scorers.sides import Consumer, consumers


@dataclass(frozen=True)
class Wanda:
    """The sum of |weight| x norm of its input, over the weights that take a channel as input.

    Sun et al. 2024 (A Simple and Effective Pruning Approach for Large Language Models, section 3,
    eq. 1), with channels for single weights. The norm is the root mean square over samples and
    places of the first `batches` batches, so that layers on large images do not outweigh others.
    """

    batches: int = 8

    def __call__(
        self,
        model: nn.Module,
        groups: Sequence[Group],
        batches: Iterable[Sequence[Tensor]],
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. Labels are not used.

        Raises:
            PruningError: there is no batch, or activations cannot be read or are not finite.
        """
        squares = input_means(model, groups, batches, limit=self.batches, reading=Tensor.square)
        parameters = dict(model.named_parameters())
        return {
            group.name: torch.stack(
                [_reading(reader, parameters, squares) for reader in consumers(model, group)]
            )
            .sum(0)
            .float()
            for group in groups
        }


def _reading(
    reader: Consumer, parameters: Mapping[str, Tensor], squares: Mapping[str, Tensor]
) -> Tensor:
    weight = parameters[reader.slot.tensor].detach().double().cpu().abs()
    shape = [-1 if axis == reader.slot.dim else 1 for axis in range(weight.dim())]
    return sum_slot(reader.slot, weight * squares[reader.path].sqrt().reshape(shape))
