"""Pairs that replace layers of a network."""

from __future__ import annotations

import pytest
import torch

from paretoprune.low_rank.pair import empty_pair, full_rank, kernel_of
from tests.low_rank.test_factor import LAYERS, made


@pytest.mark.parametrize("name", LAYERS)
def test_a_pair_has_the_shapes_of_its_layer_at_any_rank(name: str) -> None:
    layer, x = made(name)
    for rank in (1, full_rank(layer)):
        pair = empty_pair(layer, rank)
        assert pair.rank == rank and pair.kernel == tuple(kernel_of(layer))
        assert pair(x).shape == layer(x).shape
        assert (pair.second.bias is None) == (layer.bias is None)
        assert not pair.training


def test_nothing_is_drawn_for_a_pair() -> None:
    layer, _ = made("3x3")
    drawn = torch.random.get_rng_state()
    empty_pair(layer, 2)
    assert torch.equal(torch.random.get_rng_state(), drawn)
