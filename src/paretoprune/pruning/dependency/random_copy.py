"""Copies of a model with random weights, for proofs about its structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from paretoprune.errors import PruningError
from paretoprune.pruning.structured.apply import copy_with
from paretoprune.pruning.structured.caches import find_caches
from paretoprune.pruning.structured.equivalence import run
from paretoprune.pruning.structured.layers import empty_caches
from paretoprune.tasks.inputs import Example, Inputs, inputs_of

_DOUBLE_TOLERANCE = 1e-9
_SINGLE_TOLERANCE = 1e-4
_STRETCH = 1_000_003  # a prime, so that no two rows start at the same offset
_LARGE = 60_000_000  # parameters; above, double precision takes too much memory


@dataclass(frozen=True)
class RandomCopy:
    """A copy with random weights, random inputs, and the relative error allowed for rounding."""

    model: nn.Module
    inputs: Inputs
    tolerance: float
    caches: tuple[str, ...] = ()  # dicts of the model that a forward pass fills


@torch.no_grad()
def generic_copy(model: nn.Module, example: Example, *, seed: int, gain: float = 1.0) -> RandomCopy:
    """Copy the model with random weights, and draw inputs of the example's shape.

    Double precision is used if the model supports it, single precision otherwise or if it is very
    large. Weights are `gain` times the He initialisation, which preserves the scale of activations.

    Raises:
        PruningError: the model does not run on inputs of the example's shape.
    """
    problem: Exception | None = None
    double, single = (torch.float64, _DOUBLE_TOLERANCE), (torch.float32, _SINGLE_TOLERANCE)
    caches = find_caches(model, example)
    large = sum(parameter.numel() for parameter in model.parameters()) > _LARGE
    for dtype, tolerance in [single] if large else [double, single]:
        generator = torch.Generator().manual_seed(seed)
        working = _blank(model, dtype, caches)
        inputs = _drawn(example, partial(_random_input, dtype=dtype, generator=generator))
        _randomise(working, generator, gain)
        try:
            _settle_statistics(working, inputs, seed)
            return RandomCopy(working, inputs, tolerance, caches)
        except Exception as error:
            problem = error
    raise PruningError(f"the model does not run on two random samples: {problem}") from problem


@torch.no_grad()
def amplify(generic: RandomCopy, factor: float, *, seed: int) -> None:
    """Multiply the weights by `factor` and recompute the BatchNorm statistics."""
    for name, parameter in generic.model.named_parameters():
        if _is_weight(name, parameter):
            parameter.mul_(factor)
    empty_caches(generic.model, generic.caches)
    _settle_statistics(generic.model, generic.inputs, seed)


def random_inputs(like: Inputs, example: Example) -> Inputs:
    """Draw two samples of the example's shape, with the dtype and kind of `like`."""
    dtypes = [tensor.dtype for tensor in like]
    generator, left = torch.Generator().manual_seed(len(dtypes)), iter(dtypes)
    return _drawn(example, lambda tensor: _random_input(tensor, next(left), generator))


def _blank(model: nn.Module, dtype: torch.dtype, caches: Sequence[str]) -> nn.Module:
    """Copy the model to the CPU in evaluation mode, with uninitialised parameters."""
    empty = {
        name: torch.empty_like(parameter, device="cpu", dtype=dtype)
        for name, parameter in model.named_parameters()
        if parameter.is_floating_point()
    }
    working = copy_with(model, empty).to("cpu").eval()
    empty_caches(working, caches)  # computed from the former weights
    # Unlike `to(dtype)`, these leave complex buffers complex.
    return working.double() if dtype == torch.float64 else working.float()


def _drawn(example: Example, draw: Callable[[Tensor], Tensor]) -> Inputs:
    """Return two samples of drawn values; in a list of samples each has its own tensor."""
    inputs = inputs_of(example)
    if not inputs.is_ragged:
        return inputs.map(draw)
    return inputs[:2].map(lambda tensor: draw(torch.stack([tensor, tensor]))[0])


def _random_input(tensor: Tensor, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """Return two samples: normal noise for floats, the example itself for indices."""
    if tensor.dim() == 0:
        return tensor.cpu()
    if tensor.is_floating_point():
        return torch.randn((2, *tensor.shape[1:]), dtype=dtype, generator=generator)
    return torch.cat([tensor, tensor])[:2].cpu()


def _randomise(model: nn.Module, generator: torch.Generator, gain: float) -> None:
    """Draw He-normal weights times the gain, scales around one and biases around zero."""
    for name, parameter in model.named_parameters():
        if not parameter.is_floating_point() or parameter.numel() == 0:
            continue
        if _is_weight(name, parameter):
            fan_in = parameter.numel() / parameter.shape[0]
            _draw_normal(parameter, gain * (2 / fan_in) ** 0.5, generator)
        elif _is_bias(name):
            parameter.normal_(0, 0.3, generator=generator)
        else:
            parameter.uniform_(0.5, 1.5, generator=generator)


def _draw_normal(weight: Tensor, deviation: float, generator: torch.Generator) -> None:
    """Draw normal values; a large weight repeats a stretch of them, at distinct offsets per row."""
    if weight.numel() <= _STRETCH or not weight.is_contiguous():
        weight.normal_(0, deviation, generator=generator)
        return
    stretch = torch.empty(_STRETCH, dtype=weight.dtype).normal_(0, deviation, generator=generator)
    for part in torch.split(weight.view(-1), _STRETCH):
        part.copy_(stretch[: len(part)])


def _is_weight(name: str, parameter: Tensor) -> bool:
    return parameter.is_floating_point() and parameter.dim() > 1 and not _is_bias(name)


def _is_bias(name: str) -> bool:
    return name.rpartition(".")[2].startswith("bias")


def _settle_statistics(model: nn.Module, inputs: Inputs, seed: int) -> None:
    """Run the model with batch statistics and set the BatchNorm statistics near them.

    Activations keep their scale in deep networks; the added noise moves the statistics away from
    both the batch's and their initial values.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train().momentum = 1.0
    one_value_per_channel = False  # then the initial statistics are used
    try:
        run(model, inputs)
    except ValueError:
        one_value_per_channel = True
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.eval().momentum = momentum
    if one_value_per_channel:
        run(model, inputs)
    generator = torch.Generator().manual_seed(seed)
    for norm in norms:
        assert norm.running_mean is not None and norm.running_var is not None
        noise = torch.randn(norm.num_features, generator=generator).to(norm.running_mean)
        norm.running_mean.add_(0.1 * noise)
        norm.running_var.mul_(1 + 0.2 * noise.tanh()).add_(0.1)
