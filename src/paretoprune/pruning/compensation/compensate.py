"""Layer-wise compensation in forward order, on inputs from the layers compensated before.

It takes two forward passes: one of the reference, which records the outputs of each layer; one of
the pruned model, which stops before each layer to update it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.hooks import RemovableHandle

from paretoprune.low_rank.pair import Pair, pairs_of
from paretoprune.pruning.compensation.methods.interface import Compensation
from paretoprune.pruning.compensation.moments import ENOUGH, at_columns, columns_of, moments_of
from paretoprune.pruning.compensation.pairs import fit_pair
from paretoprune.pruning.compensation.updatable import matrix_of, updatable_layers
from paretoprune.pruning.modes import evaluating
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import Example, Inputs, inputs_of

_MOST = 2**24  # elements of all samples, which are processed as one batch


@dataclass(frozen=True)
class _Target:
    """Outputs of a layer of the reference at a subset of columns."""

    columns: Tensor
    outputs: Tensor


Targets = Mapping[str, _Target]


@torch.no_grad()
def compensate(
    method: Compensation,
    model: nn.Module,
    reference: nn.Module,
    rows: Mapping[str, Sequence[int]],
    samples: Example | TaskBatch,
    *,
    targets: Targets | None = None,
) -> None:
    """Update the remaining weights of the pruned `model` in place, layer by layer.

    Each layer is fitted to the outputs of the same layer of `reference`, the model from which it
    was pruned, on the calibration `samples`; padding, where their task knows it, does not count.
    `rows` has the kept output indices of the reference by weight name; absent means all.

    Only layers of `updatable_layers` that run exactly once in a forward pass are updated. Both
    models run in evaluation mode and are restored to their modes, except that BatchNorm layers of
    `model` normalise by the samples, whose statistics they keep. `targets` are those of
    `targets_of(reference, samples)`, computed if not given.
    """
    inputs, _ = _limited(samples)
    left = dict(targets_of(reference, samples) if targets is None else targets)

    def update(path: str, layer: nn.Module, entering: Tensor) -> None:
        if path not in left:
            return
        target = left.pop(path)
        wanted = target.outputs
        if (kept := rows.get(f"{path}.weight")) is not None:
            wanted = wanted[list(kept)]
        if isinstance(layer, Pair):
            fit_pair(method, layer, entering, wanted, target.columns)
            return
        dense = matrix_of(reference.get_submodule(path))
        moments = moments_of(layer, entering, wanted, target.columns)
        method.update(layer, dense, moments)

    with evaluating(model), _renewing_statistics(model), _before_each_layer(model, update):
        inputs.run(model)


@torch.no_grad()
def targets_of(
    reference: nn.Module, samples: Example | TaskBatch, *, enough: int = ENOUGH
) -> Targets:
    """Return the outputs of the updatable layers that a forward pass runs exactly once, by path.

    They are the same for all models pruned from `reference`. `enough` columns of each layer are
    used, or four per input, if that is more.
    """
    inputs, valid = _limited(samples)
    found: dict[str, list[_Target]] = {}

    def note(path: str, layer: nn.Module, output: Tensor) -> None:
        layer = layer.second if isinstance(layer, Pair) else layer
        columns = columns_of(layer, output, valid, enough=enough)
        found.setdefault(path, []).append(_Target(columns, at_columns(layer, output, columns)))

    with evaluating(reference), _after_each_layer(reference, note):
        inputs.run(reference)
    return {path: targets[0] for path, targets in found.items() if len(targets) == 1}


def bytes_of(targets: Targets) -> int:
    """Return the memory that the outputs take."""
    return sum(target.outputs.nbytes for target in targets.values())


def _limited(samples: Example | TaskBatch) -> tuple[Inputs, Tensor | None]:
    """Return the inputs and the mask of at most as many samples as one batch can hold."""
    whole = samples.inputs if isinstance(samples, TaskBatch) else inputs_of(samples)
    each = sum(tensor.numel() for tensor in whole) // len(whole)
    chosen = slice(max(2, _MOST // each))
    if isinstance(samples, TaskBatch):
        return samples[chosen].inputs, samples[chosen].valid
    return whole[chosen], None


@contextmanager
def _renewing_statistics(model: nn.Module) -> Iterator[None]:
    """Inside, BatchNorm uses batch statistics and stores them as running statistics."""
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.training, norm.momentum = True, 1.0
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


Visit = Callable[[str, nn.Module, Tensor], None]


@contextmanager
def _before_each_layer(model: nn.Module, visit: Visit) -> Iterator[None]:
    """Inside, call `visit(path, layer, input)` before each plain layer."""

    def hook(path: str, layer: nn.Module) -> RemovableHandle:
        def before(module: nn.Module, args: tuple[Any, ...]) -> None:
            visit(path, module, args[0])

        return layer.register_forward_pre_hook(before)

    with _hooked(model, hook):
        yield


@contextmanager
def _after_each_layer(model: nn.Module, visit: Visit) -> Iterator[None]:
    """Inside, call `visit(path, layer, output)` after each plain layer."""

    def hook(path: str, layer: nn.Module) -> RemovableHandle:
        def after(module: nn.Module, _args: tuple[Any, ...], output: Tensor) -> None:
            visit(path, module, output)

        return layer.register_forward_hook(after)

    with _hooked(model, hook):
        yield


@contextmanager
def _hooked(model: nn.Module, hook: Callable[[str, nn.Module], RemovableHandle]) -> Iterator[None]:
    with ExitStack() as stack:
        for path, layer in _layers(model).items():
            stack.callback(hook(path, layer).remove)
        yield


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    """Return the layers to update by path; a low-rank pair is one."""
    pairs = pairs_of(model)
    parts = tuple(f"{path}." for path in pairs)
    plain = updatable_layers(model)
    return {path: layer for path, layer in plain.items() if not path.startswith(parts)} | pairs
