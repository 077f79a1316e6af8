"""Low-rank pairs: k x k convolutions as k x 1 and 1 x k, linear layers as two linear layers.

Jaderberg, Vedaldi and Zisserman 2014 (Speeding up Convolutional Neural Networks with Low Rank
Expansions, section 2, scheme 2).
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

Factorable = nn.Conv2d | nn.Linear
Padding = str | tuple[int, int]


class Pair(nn.Sequential):
    """A low-rank layer: `first` maps inputs to `rank` channels, `second` these to outputs."""

    first: Factorable
    second: Factorable

    def __init__(self, first: Factorable, second: Factorable) -> None:
        super().__init__(OrderedDict(first=first, second=second))

    @property
    def rank(self) -> int:
        """Number of channels between the two layers."""
        return len(self.first.weight)

    @property
    def kernel(self) -> tuple[int, int]:
        """Kernel height and width of the layer that the pair replaces."""
        return kernel_of(self.first)[0], kernel_of(self.second)[1]

    def convolution(self) -> Convolution:
        """Return the arguments of the convolution that computes the same as both."""
        first, second = cast(nn.Conv2d, self.first), cast(nn.Conv2d, self.second)
        return Convolution(
            _larger(first.stride, second.stride),
            _padding(cast(Padding, first.padding), cast(Padding, second.padding)),
            _larger(first.dilation, second.dilation),
        )


class Convolution(NamedTuple):
    """Stride, padding and dilation of a two-dimensional convolution."""

    stride: tuple[int, int]
    padding: Padding
    dilation: tuple[int, int]


def product(first: Tensor, second: Tensor) -> Tensor:
    """Multiply weights (rank, inputs, height, 1) and (outputs, rank, 1, width), or two matrices."""
    if first.dim() == 2:
        return second @ first
    return torch.einsum("riax,orxb->oiab", first, second)


def _larger(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    """Return the larger value along each axis: one of the layers has the neutral value."""
    return max(one[0], other[0]), max(one[1], other[1])


def _padding(first: Padding, second: Padding) -> Padding:
    if isinstance(first, str) or isinstance(second, str):
        return first
    return _larger(first, second)


def kernel_of(layer: Factorable) -> tuple[int, int]:
    """Return height and width of a kernel; (1, 1) for a linear layer."""
    return layer.weight.shape[2:] if isinstance(layer, nn.Conv2d) else (1, 1)  # type: ignore[return-value]


def full_rank(layer: Factorable) -> int:
    """Return the least rank at which a pair can represent any layer of this shape."""
    return min(_sides(layer))


def _sides(layer: Factorable) -> tuple[int, int]:
    """Return the weights of a component in the first and the second part of a layer's pair."""
    outputs, inputs = layer.weight.shape[:2]
    height, width = kernel_of(layer)
    return inputs * height, outputs * width


def is_smaller(rank: int, first: int, second: int) -> bool:
    """Return True if a pair of this rank has fewer weights than its layer.

    `first` and `second` are the weights of a component in the two parts of the pair.
    """
    return rank * (first + second) < first * second


def saving_ranks(model: nn.Module, ranks: Mapping[str, int]) -> dict[str, int]:
    """Return the ranks at which a pair has fewer weights than its layer; the others stay whole."""
    sides = {path: _sides(cast(Factorable, model.get_submodule(path))) for path in ranks}
    return {path: rank for path, rank in ranks.items() if is_smaller(rank, *sides[path])}


def full_ranks(model: nn.Module, paths: Iterable[str]) -> dict[str, int]:
    """Return the full rank of each layer by path."""
    return {path: full_rank(cast(Factorable, model.get_submodule(path))) for path in paths}


def empty_pair(layer: Factorable, rank: int) -> Pair:
    """Return a pair of this rank in place of the layer, with uninitialised weights.

    Stride, padding and dilation along the height are in `first`, those along the width in `second`;
    for a kernel of width 1 all are in `first`, which then computes no unused column.
    """
    outputs, inputs = layer.weight.shape[:2]
    bias = layer.bias is not None
    with torch.random.fork_rng(devices=[]):  # keep the caller's random state
        pair = Pair(*_layers(layer, inputs, rank, outputs, bias=bias))
    for part in pair:
        part.weight.requires_grad_(layer.weight.requires_grad)
    return pair.to(layer.weight).train(layer.training)


def _layers(
    layer: Factorable, inputs: int, rank: int, outputs: int, *, bias: bool
) -> tuple[Factorable, Factorable]:
    if isinstance(layer, nn.Linear):
        return nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=bias)
    height, width = kernel_of(layer)
    split = width > 1
    down, across = layer.stride
    tall, wide = layer.dilation
    tops, sides = _paddings(layer, split=split)
    first = nn.Conv2d(
        inputs,
        rank,
        (height, 1),
        stride=(down, 1 if split else across),
        padding=tops,
        dilation=(tall, 1 if split else wide),
        bias=False,
    )
    second = nn.Conv2d(
        rank,
        outputs,
        (1, width),
        stride=(1, across if split else 1),
        padding=sides,
        dilation=(1, wide if split else 1),
        bias=bias,
    )
    return first, second


def _paddings(layer: nn.Conv2d, *, split: bool) -> tuple[Padding, Padding]:
    """Return the padding of both layers: along height and width, or all in the first."""
    if isinstance(layer.padding, str):
        return layer.padding, layer.padding
    top, side = layer.padding
    return ((top, 0), (0, side)) if split else ((top, side), (0, 0))


def with_pairs(model: nn.Module, ranks: Mapping[str, int]) -> nn.Module:
    """Return a copy with uninitialised pairs of these ranks in place of the layers, by path.

    Without ranks, the model itself is returned.
    """
    if not ranks:
        return model
    copied = copy.deepcopy(model)
    for path, rank in ranks.items():
        layer = cast(Factorable, copied.get_submodule(path))
        replace_layer(copied, path, empty_pair(layer, rank))
    return copied


def replace_layer(model: nn.Module, path: str, layer: nn.Module) -> None:
    """Replace the module at `path` by `layer`, in place."""
    around, _, name = path.rpartition(".")
    setattr(model.get_submodule(around), name, layer)


def pairs_of(model: nn.Module) -> dict[str, Pair]:
    """Return the pairs of a model by path."""
    return {path: module for path, module in model.named_modules() if isinstance(module, Pair)}
