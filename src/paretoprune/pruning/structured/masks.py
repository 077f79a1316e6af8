"""Removing by zeroing: the dense model in which a plan's channels are silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from paretoprune.pruning.dependency.shared_memory import SharedMemory
from paretoprune.pruning.groups import Group, gone_blocks
from paretoprune.pruning.structured.apply import copy_with, removed_positions, tensors_of
from paretoprune.pruning.structured.plan import Plan

Removed = Mapping[int, Sequence[int]]
_WHOLE: Removed = {}  # every element


def mask_tensors(model: nn.Module, groups: Sequence[Group], plan: Plan) -> dict[str, Tensor]:
    """Boolean masks by tensor name, of the tensors that lose channels; False where one goes.

    A mask has the shape and device of its tensor (an expanded view, so it takes little memory).
    Running variances have none: a variance must stay positive, and a silent channel's is not used.

    Raises:
        PruningError: the plan does not fit the groups, or the groups do not fit the model.
    """
    removed = _silenced(groups, plan)
    return {
        name: _mask(tensor, removed[name]) for name, tensor in tensors_of(model, removed).items()
    }


def masked_model(
    model: nn.Module, groups: Sequence[Group], plan: Plan, *, scratch: SharedMemory | None = None
) -> nn.Module:
    """A copy of the model in which the plan's channels are zero; it keeps its dense shapes.

    With `scratch`, for a copy that is soon dropped, what loses channels lies in there, and
    parameters that lose nothing are the model's own.

    Raises:
        PruningError: the plan does not fit the groups, or the groups do not fit the model.
    """
    removed = _silenced(groups, plan)
    silent = {
        name: _silent(tensor, removed[name], scratch.of(name, tensor) if scratch else None)
        for name, tensor in tensors_of(model, removed).items()
    }
    return copy_with(model, silent, share=scratch is not None)


def _silenced(groups: Sequence[Group], plan: Plan) -> dict[str, Removed]:
    """What is zero, by tensor name: indices by dimension, or all of the tensor."""
    silenced: dict[str, Removed] = {
        name: dims
        for name, dims in removed_positions(groups, plan).items()
        if name.rpartition(".")[2] != "running_var"
    }
    for block in gone_blocks(groups, plan.removed):
        silenced.update(dict.fromkeys(block.silent, _WHOLE))
    return silenced


def _mask(tensor: Tensor, removed: Removed) -> Tensor:
    if removed is _WHOLE:
        return torch.zeros([], dtype=torch.bool, device=tensor.device).expand(tensor.shape)
    mask = torch.ones([1] * tensor.dim(), dtype=torch.bool)
    for dim, positions in removed.items():
        stays = torch.ones(tensor.shape[dim], dtype=torch.bool)
        stays[list(positions)] = False
        mask = mask & stays.reshape([-1 if axis == dim else 1 for axis in range(tensor.dim())])
    return mask.to(tensor.device).expand(tensor.shape)


def _silent(tensor: Tensor, removed: Removed, into: Tensor | None) -> Tensor:
    if into is None:
        result = tensor.detach().clone()
    else:
        result = into.view(tensor.shape).copy_(tensor.detach())
    if removed is _WHOLE:
        return result.zero_()
    for dim, positions in removed.items():  # filling is much faster than multiplying by a mask
        result.index_fill_(dim, torch.tensor(positions, device=tensor.device), 0)
    return result
