"""Inputs of the layers that take a group's channels, recorded by hooks.

These are the channels as the next layers receive them: after BatchNorm, activation and pooling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.scorers.parts.channels import Batches, sum_slot
from paretoprune.pruning.scorers.parts.sides import Consumer, consumer_paths, consumers

_ADVICE = "its inputs cannot be read, so use scorer=magnitude or scorer=taylor"


@contextmanager
def watching(
    model: nn.Module, paths: Sequence[str], note: Callable[[str, Tensor], Tensor | None]
) -> Iterator[None]:
    """Inside, call `note(path, input)` with the input of each of these layers.

    A result that is not None replaces the input.
    """

    def hook_of(path: str) -> Callable[..., Any]:
        def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            given = note(path, args[0] if args else kwargs["input"])
            return None if given is None else ((given, *args[1:]), {})

        return hook

    handles = [
        model.get_submodule(path).register_forward_pre_hook(hook_of(path), with_kwargs=True)
        for path in paths
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def by_place(module: nn.Module, entering: Tensor) -> Tensor:
    """Reshape a layer's input to (samples, channels, positions), such as pixels or tokens."""
    axis = entering.dim() - 1
    if isinstance(module, _ConvNd):
        axis -= module.weight.dim() - 2
    channels_second = entering.movedim(axis, 1)
    return channels_second.reshape(*channels_second.shape[:2], -1)


def without_padding(values: Tensor, valid: Tensor | None) -> Tensor:
    """Return values (samples, channels, positions) at positions where `valid` is True.

    Their shape is then (1, channels, valid positions). Without a mask, or with one of another
    shape than (samples, positions), such as that of the tokens before a pooling, all are returned.
    """
    if valid is None or (values.shape[0], values.shape[2]) != tuple(valid.shape):
        return values
    return values.movedim(1, 2)[valid.to(values.device, torch.bool)].T[None]


def input_means(
    model: nn.Module,
    groups: Sequence[Group],
    batches: Batches,
    *,
    limit: int,
    reading: Callable[[Tensor], Tensor],
) -> dict[str, Tensor]:
    """Return `means_at` for all layers that take the groups' channels."""
    paths = consumer_paths(model, groups)
    return means_at(model, paths, batches, limit=limit, reading=reading)


def means_at(
    model: nn.Module,
    paths: Sequence[str],
    batches: Batches,
    *,
    limit: int,
    reading: Callable[[Tensor], Tensor],
) -> dict[str, Tensor]:
    """Average `reading(input)` over samples and positions of the first `limit` batches.

    Returned by layer path, shape (inputs of the layer,), float64 on the CPU. Padding is left out.
    The model runs in evaluation mode without gradients, and is left as it was.

    Raises:
        PruningError: there is no batch, a layer is never run, or an activation is not finite.
    """
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def note(path: str, entering: Tensor, valid: Tensor | None) -> None:
        if not torch.isfinite(entering).all():
            raise PruningError("an activation is NaN or infinite; is the model trained?")
        places = without_padding(by_place(model.get_submodule(path), entering), valid)
        values = reading(places).double()
        sums[path] = sums.get(path, 0) + values.sum((0, 2)).cpu()
        counts[path] = counts.get(path, 0) + values.shape[0] * values.shape[2]

    watch_batches(model, paths, islice(batches, limit), note)
    for path in paths:
        if path not in counts:
            raise PruningError(f"layer `{path}` is not run in the forward pass; {_ADVICE}")
    return {path: sums[path] / counts[path] for path in paths}


def mean_over_consumers(
    model: nn.Module, groups: Sequence[Group], means: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Average the values of a channel's positions over all layers that take it, by group."""

    def value_of(reader: Consumer) -> Tensor:
        return sum_slot(replace(reader.slot, dim=0), means[reader.path]) / reader.slot.per_channel

    return {
        group.name: torch.stack([value_of(reader) for reader in consumers(model, group)])
        .mean(0)
        .float()
        for group in groups
    }


def sum_over_consumers(
    model: nn.Module, groups: Sequence[Group], value_of: Callable[[Consumer], Tensor]
) -> dict[str, Tensor]:
    """Add up `value_of` (width,) over all layers that take a group's channels, by group."""
    return {
        group.name: torch.stack([value_of(reader) for reader in consumers(model, group)])
        .sum(0)
        .float()
        for group in groups
    }


def watch_batches(
    model: nn.Module,
    paths: Sequence[str],
    batches: Batches,
    note: Callable[[str, Tensor, Tensor | None], None],
) -> None:
    """Call `note(path, input, valid)` for each of these layers as the model runs on each batch.

    `valid` is the mask of the batch (N, positions), False at padding; None if it has none. The
    model runs in evaluation mode without gradients, and is left as it was.

    Raises:
        PruningError: there is no batch.
    """
    device = next(model.parameters()).device
    valid: Tensor | None = None
    empty = True
    with (
        evaluating(model),
        watching(model, paths, lambda path, entering: note(path, entering, valid)),
        torch.no_grad(),
    ):
        for batch in batches:
            valid = batch.valid
            batch.inputs.to(device).run(model)
            empty = False
    if empty:
        raise PruningError("this scorer needs at least one batch of training data")
