"""Sums of per-weight values over all positions of a group's channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Group, Slot
from paretoprune.tasks.bound import TaskBatch

Batches = Iterable[TaskBatch]


class Reading(Protocol):
    """A function from one weight tensor of the model to one number per element."""

    def __call__(self, name: str, weight: Tensor, /) -> Tensor: ...


def weight_slots(group: Group, parameters: Mapping[str, nn.Parameter]) -> list[Slot]:
    """Return the group's slots in weights: parameters of two dimensions or more."""
    return [
        slot
        for slot in group.slots
        if slot.tensor in parameters and parameters[slot.tensor].dim() >= 2
    ]


def named_weights(model: nn.Module, tensors: Sequence[str]) -> dict[str, nn.Parameter]:
    """Return the model's parameters of these names."""
    parameters = dict(model.named_parameters())
    return {name: parameters[name] for name in tensors}


def on_cpu(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return scores per weight in the common form: float32 on the CPU, detached from the model."""
    return {name: values.detach().to("cpu", torch.float32) for name, values in scores.items()}


def sum_per_channel(
    group: Group, parameters: Mapping[str, nn.Parameter], reading: Reading
) -> Tensor:
    """Sum the reading over all elements of the group's weights, by channel.

    Shape (width,), float64 on the CPU.
    """
    total = torch.zeros(group.width, dtype=torch.float64)
    for slot in weight_slots(group, parameters):
        total += sum_slot(slot, reading(slot.tensor, parameters[slot.tensor].detach()))
    return total


def sums_of(
    groups: Sequence[Group], parameters: Mapping[str, nn.Parameter], values: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Sum the values of all weights of each channel, by group name: (width,), float64."""
    return {
        group.name: sum_per_channel(group, parameters, lambda name, _weight: values[name])
        for group in groups
    }


def sum_slot(slot: Slot, values: Tensor) -> Tensor:
    """Sum `values` (shaped like the slot's tensor) by channel: (width,), float64, CPU."""
    others = [axis for axis in range(values.dim()) if axis != slot.dim]
    along = values.double().sum(others) if others else values.double()
    return along.cpu()[torch.tensor(slot.positions)].sum(1)
