"""Application of a plan: a copy of the model with channels physically removed, tensor by tensor."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.blocks import skip
from paretoprune.pruning.dependency.shared_memory import SharedMemory
from paretoprune.pruning.groups import Group, gone_blocks
from paretoprune.pruning.structured.attention import leave_fast_path
from paretoprune.pruning.structured.layers import empty_caches, fit_attributes
from paretoprune.pruning.structured.plan import Plan

Removed = Mapping[str, Mapping[int, Sequence[int]]]


def apply_plan(
    model: nn.Module, groups: Sequence[Group], plan: Plan, *, scratch: SharedMemory | None = None
) -> nn.Module:
    """Return a copy of the model without the plan's channels; the model is not changed.

    Mode, device, memory format and `requires_grad` are kept; gradients are not copied. With
    `scratch`, for a short-lived copy, sliced tensors use that memory, in contiguous format, and
    unchanged parameters are shared with the model.

    Raises:
        PruningError: the plan does not fit the groups, or the groups do not fit the model.
    """
    blocks = gone_blocks(groups, plan.removed)
    removed = {
        name: dims
        for name, dims in removed_positions(groups, plan).items()
        if not any(block.holds(name) for block in blocks)
    }
    sliced = {
        name: without_positions(
            tensor, removed[name], into=scratch.of(name, tensor) if scratch else None
        )
        for name, tensor in tensors_of(model, removed).items()
    }
    pruned = copy_with(model, sliced, share=scratch is not None)
    for path in {name.rpartition(".")[0] for name in sliced}:
        fit_attributes(pruned.get_submodule(path))
    for group in groups:
        empty_caches(pruned, group.caches if plan.removed.get(group.name) else ())
    leave_fast_path(pruned)
    _set_numbers(pruned, groups, plan)
    skip(pruned, blocks)
    return pruned


def slice_tensors(
    tensors: Mapping[str, Tensor], groups: Sequence[Group], plan: Plan
) -> dict[str, Tensor]:
    """Return a state dict without the plan's channels; unchanged tensors are not copied.

    Raises:
        PruningError: the plan does not fit the groups.
    """
    removed, blocks = removed_positions(groups, plan), gone_blocks(groups, plan.removed)
    return {
        name: without_positions(tensor, removed[name]) if name in removed else tensor
        for name, tensor in tensors.items()
        if not any(block.holds(name) for block in blocks)
    }


def removed_positions(groups: Sequence[Group], plan: Plan) -> dict[str, dict[int, list[int]]]:
    """Return the removed indices by tensor name and dimension.

    Raises:
        PruningError: the plan does not fit the groups.
    """
    plan.check(groups)
    removed: dict[str, dict[int, list[int]]] = {}
    for group in groups:
        gone = plan.removed.get(group.name, ())
        for slot in group.slots if gone else ():
            positions = [position for channel in gone for position in slot.positions[channel]]
            removed.setdefault(slot.tensor, {}).setdefault(slot.dim, []).extend(positions)
    return removed


def kept_positions(
    model: nn.Module, groups: Sequence[Group], plan: Plan
) -> dict[str, dict[int, Tensor]]:
    """Return the kept indices by tensor name and dimension, for tensors that lose any.

    Raises:
        PruningError: the plan does not fit the groups, or the groups do not fit the model.
    """
    removed = removed_positions(groups, plan)
    return {
        name: {dim: _staying(tensor, dim, gone) for dim, gone in removed[name].items()}
        for name, tensor in tensors_of(model, removed).items()
    }


def tensors_of(model: nn.Module, names: Mapping[str, object]) -> dict[str, Tensor]:
    """Return the model's parameters and buffers of these names.

    Raises:
        PruningError: the model lacks one.
    """
    known: dict[str, Tensor] = dict(model.named_parameters(remove_duplicate=False))
    known.update(model.named_buffers(remove_duplicate=False))
    missing = [name for name in names if name not in known]
    if missing:
        raise PruningError(
            f"the model has no tensor `{missing[0]}` ({len(missing)} missing in all); "
            "are these the groups of another model?"
        )
    return {name: known[name] for name in names}


def without_positions(
    tensor: Tensor, removed: Mapping[int, Sequence[int]], *, into: Tensor | None = None
) -> Tensor:
    """Return the tensor without these indices of these dimensions, in the same memory format.

    With `into`, a flat tensor, the result is a view of it in contiguous format.
    """
    *first, (last, index) = [
        (dim, _staying(tensor, dim, positions)) for dim, positions in removed.items()
    ]
    result = tensor.detach()
    for dim, other in first:
        result = result.index_select(dim, other)
    if into is not None:
        shape = [len(index) if dim == last else size for dim, size in enumerate(result.shape)]
        return torch.index_select(result, last, index, out=into[: math.prod(shape)].view(shape))
    result = result.index_select(last, index)
    if not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last):
        result = result.contiguous(memory_format=torch.channels_last)
    return result


def _staying(tensor: Tensor, dim: int, gone: Sequence[int]) -> Tensor:
    stays = np.ones(tensor.shape[dim], dtype=bool)
    stays[gone] = False
    return torch.from_numpy(np.flatnonzero(stays)).to(tensor.device)


def copy_with(model: nn.Module, tensors: Mapping[str, Tensor], *, share: bool = False) -> nn.Module:
    """Return a deep copy of the model in which the given tensors replace those of the same names.

    With `share`, the other parameters are those of the model itself.
    """
    # Objects in the memo are used instead of copies, so replaced tensors are never copied.
    memo: dict[int, object] = {}
    for name, parameter in model.named_parameters():
        if share and name not in tensors:
            memo[id(parameter)] = parameter
            continue
        value = tensors[name] if name in tensors else parameter.detach().clone()
        memo[id(parameter)] = nn.Parameter(value, requires_grad=parameter.requires_grad)
    for name, buffer in model.named_buffers():
        if name in tensors:
            memo[id(buffer)] = tensors[name]
    memo.update(_empty_hooks(model))
    return copy.deepcopy(model, memo)


def _empty_hooks(model: nn.Module) -> dict[int, object]:
    """Return new empty hook dicts for the memo, which halves the time of deepcopy."""
    return {
        id(value): OrderedDict()
        for module in model.modules()
        for value in vars(module).values()
        if type(value) is OrderedDict and not value
    }


def _set_numbers(model: nn.Module, groups: Sequence[Group], plan: Plan) -> None:
    """Lower the integer attributes of the groups by the removed channels."""
    for group in groups:
        gone = len(plan.removed.get(group.name, ()))
        for number in group.numbers if gone else ():
            module, lost = model.get_submodule(number.module), gone * number.per_channel
            value: Any = getattr(module, number.attribute, None)
            ours = value if number.index is None else value[number.index]
            if type(ours) is not int:  # the name may be read from a file
                raise PruningError(f"`{number.module}.{number.attribute}` is not an integer")
            if number.index is None:
                value -= lost
            else:
                numbers = list(value)
                numbers[number.index] -= lost
                value = type(value)(numbers)
            setattr(module, number.attribute, value)
