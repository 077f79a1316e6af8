"""Merging of pairs back into one layer where two would save nothing."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn

from paretoprune.low_rank.pair import Factorable, Pair, pairs_of, replace_layer


def merged(model: nn.Module) -> nn.Module:
    """Return a copy in which pairs that save no weights are merged into one layer.

    It computes the same up to rounding. If every pair saves something, the model itself is
    returned.
    """
    if all(pair.saves() for pair in pairs_of(model).values()):
        return model
    whole = copy.deepcopy(model)
    for path, pair in pairs_of(whole).items():
        if not pair.saves():
            replace_layer(whole, path, product_of(pair))
    return whole


@torch.no_grad()
def product_of(pair: Pair) -> Factorable:
    """Return the layer that computes the same as the pair."""
    first, second = pair.first, pair.second
    bias = second.bias is not None
    weight = _product(first.weight, second.weight)
    with torch.random.fork_rng(devices=[]):
        layer = _empty(first, second, pair.kernel, bias=bias).to(first.weight)
    layer.weight.copy_(weight)
    layer.weight.requires_grad_(first.weight.requires_grad)
    if second.bias is not None:
        assert layer.bias is not None
        layer.bias.copy_(second.bias)
    return layer.train(pair.training)


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Multiply weights (rank, inputs, height, 1) and (outputs, rank, 1, width), or two matrices."""
    if first.dim() == 2:
        return second.double() @ first.double()
    return torch.einsum("riax,orxb->oiab", first.double(), second.double())


def _empty(
    first: Factorable, second: Factorable, kernel: tuple[int, int], *, bias: bool
) -> Factorable:
    inputs, outputs = first.weight.shape[1], second.weight.shape[0]
    if isinstance(first, nn.Linear):
        return nn.Linear(inputs, outputs, bias=bias)
    second = cast(nn.Conv2d, second)
    return nn.Conv2d(
        inputs,
        outputs,
        kernel,
        stride=_larger(first.stride, second.stride),
        padding=_padding(first, second),
        dilation=_larger(first.dilation, second.dilation),
        bias=bias,
    )


def _larger(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    """Return the larger value along each axis: one of the layers has the neutral value."""
    return max(one[0], other[0]), max(one[1], other[1])


def _padding(first: nn.Conv2d, second: nn.Conv2d) -> str | tuple[int, int]:
    if isinstance(first.padding, str):
        return first.padding
    assert not isinstance(second.padding, str)
    return _larger(first.padding, second.padding)
