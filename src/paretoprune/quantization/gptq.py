"""GPTQ: rounding in the order of the columns, with later columns compensating earlier errors.

Frantar et al., GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers
(2023), sections 3 and 4: the update of `compensation=obs`, with rounding in the place of zeroing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from paretoprune.formats.compact import Rounded
from paretoprune.pruning.compensation.moments import columns_of, spread_at
from paretoprune.pruning.compensation.updatable import matrix_of, updatable_layers
from paretoprune.pruning.structured.layers import is_transposed_linear
from paretoprune.quantization.grid import WeightGrid, grid_of
from paretoprune.tasks.inputs import Inputs

GROUP = 32  # inputs with a step size of their own, in layers over sequences with few bits
_GROUPED_BITS = 4  # and fewer
_DAMPING = 1e-2  # relative to the mean square of the inputs
_BLOCK = 128  # columns after which an update reaches all later ones


@torch.no_grad()
def round_in_order(
    model: nn.Module, bits: Mapping[str, int], samples: Inputs
) -> dict[str, Rounded]:
    """Round weights of the model in place, in forward order; return them by name.

    `bits` by weight name. Each layer is rounded for its inputs behind the layers rounded before it.
    Convolutions and linear layers with a weight of their own are rounded; the others, and groups of
    channels, are left as they are. A linear layer over sequences (N, L, inputs) with at most 4 bits
    has a step size for each 32 inputs.

    Raises:
        QuantizationError: a weight is not finite, or there is no grid of as many bits.
    """
    found: dict[str, Rounded] = {}

    def round_layer(path: str, layer: nn.Module, entering: Tensor, output: Tensor) -> bool:
        name = f"{path}.weight".removeprefix(".")
        if name not in bits or name in found or is_transposed_linear(layer):
            return False
        weight = matrix_of(layer)
        group = _group(layer, entering, bits[name])
        grid = grid_of(name, layer.get_parameter("weight"), bits[name], group=group)
        inputs = spread_at(layer, entering, columns_of(layer, output))
        codes = _codes(weight.double().cpu(), (inputs @ inputs.T).double().cpu(), grid, group)
        found[name] = grid.rounded(codes.reshape(layer.get_parameter("weight").shape))
        layer.get_parameter("weight").copy_(torch.from_numpy(found[name].values))
        return True

    with _after_each_layer(model, round_layer):
        samples.run(model)
    return found


def _group(layer: nn.Module, entering: Tensor, bits: int) -> int | None:
    if not isinstance(layer, nn.Linear) or entering.dim() < 3 or bits > _GROUPED_BITS:
        return None
    return GROUP if layer.in_features % GROUP == 0 and layer.in_features > GROUP else None


def _codes(weight: Tensor, moments: Tensor, grid: WeightGrid, group: int | None) -> Tensor:
    """Return the levels (outputs, inputs) of a weight; all in float64.

    `moments` is the sum of x x^T over inputs x. Columns with the largest inputs come first. Within
    a block, errors are passed on at once; to the columns behind it, together. Zeros stay zero.
    """
    outputs, size = weight.shape
    order = moments.diagonal().argsort(descending=True)
    steps = grid.steps.view(outputs, -1).repeat_interleave(group or size, 1)[:, order]
    factor = _factor(moments[order][:, order])
    work, codes = weight[:, order].clone(), torch.zeros_like(weight)
    active = work != 0
    for start in range(0, size, _BLOCK):
        end = min(size, start + _BLOCK)
        errors = torch.zeros(outputs, end - start, dtype=weight.dtype)
        for column in range(start, end):
            level = _levels(work[:, column], steps[:, column], grid.levels) * active[:, column]
            codes[:, column] = level
            error = (work[:, column] - level * steps[:, column]) / factor[column, column]
            work[:, column:end] -= error[:, None] * factor[column, column:end]
            errors[:, column - start] = error
        work[:, end:] -= errors @ factor[start:end, end:]
    return torch.zeros_like(codes).index_copy_(1, order, codes)


def _levels(values: Tensor, steps: Tensor, levels: int) -> Tensor:
    safe = torch.where(steps > 0, steps, 1.0)
    return torch.where(steps > 0, (values / safe).round().clamp(-levels, levels), 0.0)


def _factor(moments: Tensor) -> Tensor:
    """Return the upper Cholesky factor of the inverse of the damped moments."""
    damping = _DAMPING * moments.diagonal().mean() + 1e-12
    damped = moments + damping * torch.eye(len(moments), dtype=moments.dtype)
    upper: Tensor = torch.linalg.cholesky(torch.linalg.inv(damped), upper=True)
    return upper


Visit = Callable[[str, nn.Module, Tensor, Tensor], bool]


@contextmanager
def _after_each_layer(model: nn.Module, visit: Visit) -> Iterator[None]:
    """Inside, call `visit(path, layer, input, output)` after a layer; if True, compute it again."""

    def hook(path: str) -> Callable[..., Tensor]:
        def after(layer: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
            # A layer that is called by keyword is rounded to the nearest level later.
            if not args or not visit(path, layer, args[0], output):
                return output
            again: Tensor = layer.forward(*args)
            return again

        return after

    with ExitStack() as stack:
        for path, layer in updatable_layers(model).items():
            stack.callback(layer.register_forward_hook(hook(path)).remove)
        yield
