"""Energies of the components of layers and pairs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from paretoprune.low_rank.components import energies_of
from paretoprune.low_rank.factor import as_matrix, pair_of
from paretoprune.low_rank.merge import product_of
from paretoprune.low_rank.pair import Pair

LAYERS = {
    "conv": lambda: nn.Conv2d(4, 7, (3, 5), stride=2, padding=1, bias=False),
    "linear": lambda: nn.Linear(9, 6),
}


def trained(name: str, rank: int) -> Pair:
    """A pair of some rank whose weights are no singular vectors."""
    torch.manual_seed(0)
    pair = pair_of(LAYERS[name](), rank)
    for part in pair:
        nn.init.normal_(part.weight)
    return pair.eval()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("rank", [1, 3, 5])
def test_an_energy_is_what_a_truncation_loses(name: str, rank: int) -> None:
    """Of a layer, and of the product of a pair, against the truncated weight itself."""
    for layer in (LAYERS[name](), product_of(trained(name, 6))):
        weight = layer.weight.detach().double()
        energies = energies_of(nn.Sequential(layer), ["0"])["0"]
        assert energies.sum() == pytest.approx(1.0, abs=1e-5)
        assert energies.tolist() == sorted(energies.tolist(), reverse=True)
        kept = product_of(pair_of(layer, rank)).weight.detach().double()
        lost = float((kept - weight).square().sum() / weight.square().sum())
        assert lost == pytest.approx(float(energies[rank:].sum()), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_a_pair_has_the_energies_of_its_product(name: str) -> None:
    pair = trained(name, 4)
    found = energies_of(nn.Sequential(pair), ["0"])["0"]
    values = torch.linalg.svdvals(as_matrix(product_of(pair).weight)).square()
    torch.testing.assert_close(found, (values / values.sum()).float(), rtol=1e-3, atol=1e-6)
    assert found[4:].max() < 1e-6, "no component beyond its rank"
