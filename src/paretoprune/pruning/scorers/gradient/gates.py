"""Gate gradients: first-order channel importance from the gradients of a running training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import weight_slots

_DECAY = 0.98  # decay of the moving average: about the last fifty steps count


class GateScores:
    """Moving average of (d loss / d gate)^2 for a gate that scales a channel and equals one.

    The derivative is the sum of weight x gradient over all weights of the channel (of a block, over
    the parameters that end its branches); its square is the importance of Molchanov et al. 2019
    (Importance Estimation for Neural Network Pruning, eq. 8). Call it after every backward pass of
    a training; `scores` averages over the last steps. Scores of different groups have the same
    unit, that of the squared loss, and can be compared.
    """

    def __init__(self, model: nn.Module, groups: Sequence[Group]) -> None:
        self._groups = groups
        parameters = dict(model.named_parameters())
        self._places = [_places(group, parameters) for group in groups]
        self._sums = [torch.zeros(group.width) for group in groups]
        self._weight = 0.0

    @torch.no_grad()
    def __call__(self) -> None:
        """Add the current gradients of the parameters; a parameter without one counts as zero."""
        self._weight = _DECAY * self._weight + 1
        for total, places in zip(self._sums, self._places, strict=True):
            slope = torch.zeros_like(total)
            for parameter, dim, positions in places:
                if parameter.grad is None:
                    continue  # the loss does not depend on it
                others = [axis for axis in range(parameter.dim()) if axis != dim]
                along = parameter * parameter.grad
                along = along.sum(others) if others else along
                slope += along[positions.to(along.device)].sum(1).cpu()
            total.mul_(_DECAY).add_(slope.square())

    def scores(self) -> dict[str, Tensor]:
        """Return scores by group name, float32 on the CPU, shape (width,).

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
    """Return (parameter, dimension, positions of each channel (width, positions)) for the group."""
    if group.block and group.width:
        ends = [parameters[name] for name in group.block.zeroed_params]
        return [(end, 0, torch.arange(len(end)).unsqueeze(0)) for end in ends]
    return [
        (parameters[slot.tensor], slot.dim, torch.tensor(slot.positions))
        for slot in weight_slots(group, parameters)
    ]
