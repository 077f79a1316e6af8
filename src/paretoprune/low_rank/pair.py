"""Low-rank pairs: k x k convolutions as k x 1 and 1 x k, linear layers as two linear layers.

Jaderberg, Vedaldi and Zisserman 2014 (Speeding up Convolutional Neural Networks with Low Rank
Expansions, section 2, scheme 2).
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

Factorable = nn.Conv2d | nn.Linear
Padding = str | tuple[int, int]


class Pair(nn.Sequential):
    """A low-rank layer: `first` maps inputs to `rank` channels, `second` these to outputs.

    While `is_one_layer`, inputs are mapped to outputs by the product of the two weights: the same
    function of the same parameters, for fewer operations where the pair saves nothing.
    """

    first: Factorable
    second: Factorable
    is_one_layer = False

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

    @property
    def sides(self) -> tuple[int, int]:
        """Number of weights of each component in `first` and in `second`."""
        return self.first.weight[0].numel(), self.second.weight[:, 0].numel()

    def saves(self) -> bool:
        """Return True if the two layers have fewer weights than the one that is their product."""
        first, second = self.sides
        return self.rank * (first + second) < first * second

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply both layers, or their product."""
        if not self.is_one_layer:
            return cast(Tensor, self.second(self.first(inputs)))
        weight = product(self.first.weight, self.second.weight)
        if isinstance(self.first, nn.Linear):
            return linear(inputs, weight, self.second.bias)
        one = self.convolution()
        return conv2d(inputs, weight, self.second.bias, one.stride, one.padding, one.dilation)

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


@contextmanager
def pairs_as_one_layer(model: nn.Module) -> Iterator[None]:
    """Compute pairs that save nothing by the products of their weights, as long as this is open.

    A pair of full rank takes up to twice the time of the layer that it replaces; the product of its
    weights is cheap. Gradients of both weights and all outputs stay the same up to rounding.
    """
    pairs = [pair for pair in pairs_of(model).values() if not pair.saves()]
    for pair in pairs:
        pair.is_one_layer = True
    try:
        yield
    finally:
        for pair in pairs:
            del pair.is_one_layer


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
    outputs, inputs = layer.weight.shape[:2]
    height, width = kernel_of(layer)
    return min(inputs * height, outputs * width)


def empty_pair(layer: Factorable) -> Pair:
    """Return a full-rank pair in place of the layer, with uninitialised weights.

    Stride, padding and dilation along the height are in `first`, those along the width in `second`;
    for a kernel of width 1 all are in `first`, which then computes no unused column.
    """
    outputs, inputs = layer.weight.shape[:2]
    rank, bias = full_rank(layer), layer.bias is not None
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


def with_pairs(model: nn.Module, paths: Sequence[str]) -> nn.Module:
    """Return a copy with uninitialised full-rank pairs in place of these layers.

    Without paths, the model itself is returned.
    """
    if not paths:
        return model
    copied = copy.deepcopy(model)
    for path in paths:
        replace_layer(copied, path, empty_pair(copied.get_submodule(path)))  # type: ignore[arg-type]
    return copied


def replace_layer(model: nn.Module, path: str, layer: nn.Module) -> None:
    """Replace the module at `path` by `layer`, in place."""
    around, _, name = path.rpartition(".")
    setattr(model.get_submodule(around), name, layer)


def pairs_of(model: nn.Module) -> dict[str, Pair]:
    """Return the pairs of a model by path."""
    return {path: module for path, module in model.named_modules() if isinstance(module, Pair)}
