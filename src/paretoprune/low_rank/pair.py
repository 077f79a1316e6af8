"""Low-rank pairs: k x k convolutions as k x 1 and 1 x k, linear layers as two linear layers.

Jaderberg, Vedaldi and Zisserman 2014 (Speeding up Convolutional Neural Networks with Low Rank
Expansions, section 2, scheme 2).
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

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

    @property
    def sides(self) -> tuple[int, int]:
        """Number of weights of each component in `first` and in `second`."""
        return self.first.weight[0].numel(), self.second.weight[:, 0].numel()

    def saves(self) -> bool:
        """Return True if the two layers have fewer weights than the one that is their product."""
        first, second = self.sides
        return self.rank * (first + second) < first * second


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
