"""Components of trained pairs: their order, and what a truncation loses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from paretoprune.low_rank.components import energies_of, refactored
from paretoprune.low_rank.factor import pair_of
from paretoprune.low_rank.merge import merged, product_of
from paretoprune.low_rank.pair import Pair
from tests.low_rank.test_factor import first_of

LAYERS = {
    "conv": lambda: nn.Conv2d(4, 7, (3, 5), stride=2, padding=1, bias=False),
    "linear": lambda: nn.Linear(9, 6),
}


def trained(name: str, rank: int) -> Pair:
    """A pair of some rank whose weights are no singular vectors."""
    torch.manual_seed(0)
    pair = first_of(pair_of(LAYERS[name]()), rank)
    for part in pair:
        nn.init.normal_(part.weight)
    return pair.eval()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("rank", [1, 4, 6])
def test_singular_vectors_anew_change_no_output(name: str, rank: int) -> None:
    pair = trained(name, rank)
    model = nn.Sequential(pair)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    anew = refactored(model)
    x = torch.randn(5, 9) if name == "linear" else torch.randn(2, 4, 11, 12)
    torch.testing.assert_close(anew(x), model(x), rtol=1e-4, atol=1e-4)
    assert all(torch.equal(model.state_dict()[key], tensor) for key, tensor in before.items())
    energies = energies_of(anew)["0"]
    assert energies.sum() == pytest.approx(1.0, abs=1e-5)
    assert energies.tolist() == sorted(energies.tolist(), reverse=True)


@pytest.mark.parametrize("name", LAYERS)
def test_a_truncation_is_the_best_of_its_rank_for_the_weight(name: str) -> None:
    """Against the singular values of the product itself."""
    pair = trained(name, 6)
    anew = refactored(nn.Sequential(pair))[0]
    whole = product_of(pair).weight.detach().double()
    matrix = whole if whole.dim() == 2 else whole.permute(1, 2, 0, 3).flatten(2).flatten(0, 1)
    values = torch.linalg.svdvals(matrix).square()
    energies = energies_of(nn.Sequential(anew))["0"]
    torch.testing.assert_close(energies, (values / values.sum())[:6].float(), rtol=1e-3, atol=1e-6)
    for rank in (1, 3, 5):
        prune = product_of(first_of(anew, rank)).weight.detach().double()
        lost = float((prune - whole).square().sum())
        assert lost == pytest.approx(float(values[rank:].sum()), rel=1e-3, abs=1e-6)
        mixed = product_of(first_of(pair, rank)).weight.detach().double()
        assert lost < float((mixed - whole).square().sum())


def test_a_rank_beyond_the_layer_has_components_of_nothing() -> None:
    """After removal of channels, an unfactored layer has more components than it needs."""
    pair = trained("linear", 6)
    pair.second.weight = nn.Parameter(pair.second.weight[:4])
    pair.second.bias = nn.Parameter(pair.second.bias[:4])
    anew = refactored(nn.Sequential(pair))
    assert energies_of(anew)["0"][4:].tolist() == [0.0, 0.0]
    x = torch.randn(5, 9)
    torch.testing.assert_close(anew(x), pair(x), rtol=1e-4, atol=1e-4)
    assert isinstance(merged(anew)[0], nn.Linear)


def test_a_model_without_pairs_is_itself() -> None:
    model = nn.Sequential(nn.Linear(3, 3))
    assert refactored(model) is model and energies_of(model) == {}
