"""Merging of low-rank pairs into the layers that compute the same."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn

from paretoprune.low_rank.pair import Factorable, Pair, pairs_of, product, replace_layer


def merged(model: nn.Module) -> nn.Module:
    """Return a copy with one layer in place of each pair, equal up to rounding.

    Without pairs, the model itself is returned.
    """
    if not pairs_of(model):
        return model
    whole = copy.deepcopy(model)
    for path, pair in pairs_of(whole).items():
        replace_layer(whole, path, product_of(pair))
    return whole


@torch.no_grad()
def product_of(pair: Pair) -> Factorable:
    """Return the layer that computes the same as the pair."""
    first, second = pair.first, pair.second
    with torch.random.fork_rng(devices=[]):
        layer = _empty(pair).to(first.weight)
    layer.weight.copy_(_product(pair))
    layer.weight.requires_grad_(first.weight.requires_grad)
    if second.bias is not None:
        assert layer.bias is not None
        layer.bias.copy_(second.bias)
    return layer.train(pair.training)


def weight_of(model: nn.Module, path: str) -> Tensor:
    """Return the weight of the layer at `path`, or the product of the pair that is there."""
    layer = model.get_submodule(path)
    return _product(layer) if isinstance(layer, Pair) else cast(Tensor, layer.weight)


def _product(pair: Pair) -> Tensor:
    return product(pair.first.weight.detach().double(), pair.second.weight.detach().double())


def _empty(pair: Pair) -> Factorable:
    inputs, outputs = pair.first.weight.shape[1], pair.second.weight.shape[0]
    bias = pair.second.bias is not None
    if isinstance(pair.first, nn.Linear):
        return nn.Linear(inputs, outputs, bias=bias)
    return nn.Conv2d(inputs, outputs, pair.kernel, *pair.convolution(), bias=bias)
