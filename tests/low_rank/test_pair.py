"""Pairs that are computed by the product of their weights while they are trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from paretoprune.low_rank.factor import pair_of
from paretoprune.low_rank.pair import Pair, pairs_as_one_layer
from tests.low_rank.test_factor import LAYERS, made


@pytest.mark.parametrize("name", LAYERS)
def test_the_product_has_the_outputs_and_gradients_of_the_pair(name: str) -> None:
    layer, x = made(name)
    pair = pair_of(layer)
    upstream = torch.randn_like(layer(x))
    expected = pair(x)
    gradients = torch.autograd.grad((expected * upstream).sum(), list(pair.parameters()))
    with pairs_as_one_layer(nn.Sequential(pair)):
        assert pair.is_one_layer
        found = pair(x)
        ours = torch.autograd.grad((found * upstream).sum(), list(pair.parameters()))
    assert not pair.is_one_layer
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(ours, gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_a_pair_that_saves_something_runs_as_two_layers() -> None:
    pair = Pair(nn.Conv2d(8, 4, (3, 1)), nn.Conv2d(4, 8, (1, 3)))
    with pairs_as_one_layer(nn.Sequential(pair)):
        assert not pair.is_one_layer


def test_a_pair_of_full_rank_costs_no_more_than_the_layer_in_training() -> None:
    layer = nn.Conv2d(16, 16, 3, padding=1)
    pair, x = pair_of(layer), torch.randn(2, 16, 16, 16)
    counts = []
    for run in (layer, pair):
        with pairs_as_one_layer(nn.Sequential(pair)), FlopCounterMode(display=False) as counter:
            run(x)
        counts.append(counter.get_flop_counts()["Global"].get(torch.ops.aten.convolution, 0))
    assert counts[0] == counts[1] > 0


def test_an_error_inside_leaves_the_pair_as_it_was() -> None:
    pair = pair_of(nn.Linear(8, 8))
    with pytest.raises(RuntimeError), pairs_as_one_layer(nn.Sequential(pair)):
        raise RuntimeError
    assert not pair.is_one_layer
