"""Masking: the dense model with a plan's channels set to zero.

The equivalence check compares it with the result of `apply.py`. The two derive the affected
positions independently, since a shared mistake would be in both models and go unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from paretoprune.pruning.dependency.shared_memory import SharedMemory
from paretoprune.pruning.groups import Group
from paretoprune.pruning.structured.apply import copy_with, tensors_of
from paretoprune.pruning.structured.plan import Plan

Silence = Sequence[tuple[int, Sequence[int]]]  # (dimension, indices) for each slot
_WHOLE: Silence = ()  # every element


def mask_tensors(model: nn.Module, groups: Sequence[Group], plan: Plan) -> dict[str, Tensor]:
    """Return boolean masks by tensor name for the tensors that lose channels; False = removed.

    A mask has the shape and device of its tensor (an expanded view, which takes little memory).
    Running variances have none: a variance must stay positive, and that of a masked channel is not
    used.

    Raises:
        PruningError: the plan does not fit the groups, or the groups do not fit the model.
    """
    silenced = _silenced(groups, plan)
    return {
        name: _mask(tensor, silenced[name]) for name, tensor in tensors_of(model, silenced).items()
    }


def masked_model(
    model: nn.Module, groups: Sequence[Group], plan: Plan, *, scratch: SharedMemory | None = None
) -> nn.Module:
    """Return a copy of the model with the plan's channels set to zero, at dense shapes.

    With `scratch`, for a short-lived copy, masked tensors use that memory, and unchanged parameters
    are shared with the model.

    Raises:
        PruningError: the plan does not fit the groups, or the groups do not fit the model.
    """
    silenced = _silenced(groups, plan)
    silent = {
        name: _silent(tensor, silenced[name], scratch.of(name, tensor) if scratch else None)
        for name, tensor in tensors_of(model, silenced).items()
    }
    return copy_with(model, silent, share=scratch is not None)


def _silenced(groups: Sequence[Group], plan: Plan) -> dict[str, Silence]:
    """Return the zeroed positions by tensor name."""
    plan.check(groups)
    silenced: dict[str, Silence] = {}
    for group in groups:
        gone = list(plan.removed.get(group.name, ()))
        for slot in group.slots if gone else ():
            if slot.tensor.rpartition(".")[2] != "running_var":
                positions = np.array(slot.positions)[gone].flatten().tolist()
                silenced[slot.tensor] = (*silenced.get(slot.tensor, ()), (slot.dim, positions))
    for group in groups:
        if group.block and group.name in plan.removed:
            silenced.update(dict.fromkeys(group.block.zeroed_params, _WHOLE))
    return silenced


def _mask(tensor: Tensor, silence: Silence) -> Tensor:
    if silence is _WHOLE:
        return torch.zeros([], dtype=torch.bool, device=tensor.device).expand(tensor.shape)
    mask = torch.ones([1] * tensor.dim(), dtype=torch.bool)
    for dim, positions in silence:
        stays = torch.ones(tensor.shape[dim], dtype=torch.bool)
        stays[positions] = False
        mask = mask & stays.reshape([-1 if axis == dim else 1 for axis in range(tensor.dim())])
    return mask.to(tensor.device).expand(tensor.shape)


def _silent(tensor: Tensor, silence: Silence, into: Tensor | None) -> Tensor:
    if into is None:
        result = tensor.detach().clone()
    else:
        result = into.view(tensor.shape).copy_(tensor.detach())
    if silence is _WHOLE:
        return result.zero_()
    for dim, positions in silence:  # filling is much faster than multiplying by a mask
        result.index_fill_(dim, torch.tensor(positions, device=tensor.device), 0)
    return result
