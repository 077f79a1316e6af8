"""What the loss feels of each channel, read from the gradients that a training has anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.channels import weight_slots

_MEMORY = 0.98  # how much of the average stays at each step: about the last fifty steps count


class GateScores:
    """The mean square of d loss / d gate, where a gate would scale a channel and stands at one.

    The derivative is the sum of weight x gradient over all weights of the channel (of a block, over
    the parameters that end its branches), its square the importance of Molchanov et al. 2019
    (Importance Estimation for Neural Network Pruning, eq. 8).
    Call it after every backward pass of a training; `scores` is an average over the last steps.
    Scores of different groups are in the same unit, that of the loss, and can be compared.
    """

    def __init__(self, model: nn.Module, groups: Sequence[Group]) -> None:
        self._groups = groups
        parameters = dict(model.named_parameters())
        self._places = [_places(group, parameters) for group in groups]
        self._sums = [torch.zeros(group.width) for group in groups]
        self._weight = 0.0

    @torch.no_grad()
    def __call__(self) -> None:
        """Take in the gradients that the parameters hold now; one without counts as zero."""
        self._weight = _MEMORY * self._weight + 1
        for total, places in zip(self._sums, self._places, strict=True):
            slope = torch.zeros_like(total)
            for parameter, dim, positions in places:
                if parameter.grad is None:
                    continue  # the loss does not depend on it
                others = [axis for axis in range(parameter.dim()) if axis != dim]
                along = parameter * parameter.grad
                along = along.sum(others) if others else along
                slope += along[positions.to(along.device)].sum(1).cpu()
            total.mul_(_MEMORY).add_(slope.square())

    def scores(self) -> dict[str, Tensor]:
        """Scores by group name, float32 on the CPU, shape (width,).

        Raises:
            PruningError: there were no gradients, or they were not finite.
        """
        if not self._weight or not all(torch.isfinite(total).all() for total in self._sums):
            raise PruningError("the training gave no finite gradients to score channels by")
        return {
            group.name: total / self._weight
            for group, total in zip(self._groups, self._sums, strict=True)
        }


def _places(
    group: Group, parameters: Mapping[str, nn.Parameter]
) -> list[tuple[nn.Parameter, int, Tensor]]:
    """Tensor, dimension, and the positions of each channel, (width, positions)."""
    if group.block and group.width:
        ends = [parameters[name] for name in group.block.silent]
        return [(end, 0, torch.arange(len(end)).unsqueeze(0)) for end in ends]
    return [
        (parameters[slot.tensor], slot.dim, torch.tensor(slot.positions))
        for slot in weight_slots(group, parameters)
    ]
