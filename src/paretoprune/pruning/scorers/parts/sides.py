"""Layers that produce a group's channels, and layers that consume them as inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group, Slot
from paretoprune.pruning.scorers.parts.channels import weight_slots
from paretoprune.pruning.structured.layers import is_transposed_linear


@dataclass(frozen=True)
class Consumer:
    """A convolution or linear layer that takes a group's channels as (some of) its inputs."""

    path: str
    slot: Slot  # in the layer's weight, along its inputs


def consumers(model: nn.Module, group: Group) -> list[Consumer]:
    """Return the layers that contract over the group's channels.

    Depthwise convolutions, which only pass channels on, are not among them.

    Raises:
        PruningError: there is none.
    """
    found = consumers_or_none(model, group)
    if not found:
        raise PruningError(
            f"group `{group.name}` enters no convolution or linear layer, so this scorer has "
            "no layer to read; use scorer=magnitude or scorer=taylor"
        )
    return found


def consumers_or_none(model: nn.Module, group: Group) -> list[Consumer]:
    """Return the consumers of the group; empty if there are none."""
    parameters = dict(model.named_parameters())
    return [
        Consumer(_path(slot), slot)
        for slot in weight_slots(group, parameters)
        if slot.dim == _input_dim(model, slot)
    ]


def filters(model: nn.Module, group: Group) -> Tensor:
    """Return the weights that produce each channel, concatenated over all producing layers.

    Shape (width, weights per channel), float64 on the CPU.
    """
    parameters = dict(model.named_parameters())
    makers = [
        slot for slot in weight_slots(group, parameters) if slot.dim != _input_dim(model, slot)
    ]
    return torch.cat([_rows(slot, parameters) for slot in makers], 1)


def _rows(slot: Slot, parameters: Mapping[str, Tensor]) -> Tensor:
    weight = parameters[slot.tensor].detach().double().cpu().movedim(slot.dim, 0)
    return weight[torch.tensor(slot.positions)].flatten(1)


def _path(slot: Slot) -> str:
    return slot.tensor.rpartition(".")[0]


def _input_dim(model: nn.Module, slot: Slot) -> int | None:
    """Return the dimension of the slot's tensor that holds a layer's inputs, or None."""
    module = model.get_submodule(_path(slot))
    if isinstance(module, nn.Linear):
        return 1
    if is_transposed_linear(module):
        return 0
    if isinstance(module, _ConvNd) and module.groups == 1:
        return 0 if module.transposed else 1
    return None


def consumer_paths(model: nn.Module, groups: Sequence[Group]) -> list[str]:
    """Return the paths of all consumers of these groups, each once."""
    return list({consumer.path: None for group in groups for consumer in consumers(model, group)})
