"""Merging of pairs back into one layer where two would save nothing."""

from __future__ import annotations

import copy

import torch
from torch import nn

from paretoprune.low_rank.pair import Factorable, Pair, pairs_of, product, replace_layer


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
    weight = product(first.weight.double(), second.weight.double())
    with torch.random.fork_rng(devices=[]):
        layer = _empty(pair).to(first.weight)
    layer.weight.copy_(weight)
    layer.weight.requires_grad_(first.weight.requires_grad)
    if second.bias is not None:
        assert layer.bias is not None
        layer.bias.copy_(second.bias)
    return layer.train(pair.training)


def _empty(pair: Pair) -> Factorable:
    inputs, outputs = pair.first.weight.shape[1], pair.second.weight.shape[0]
    bias = pair.second.bias is not None
    if isinstance(pair.first, nn.Linear):
        return nn.Linear(inputs, outputs, bias=bias)
    return nn.Conv2d(inputs, outputs, pair.kernel, *pair.convolution(), bias=bias)
