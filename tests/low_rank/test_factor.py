"""Pairs against the layers in whose place they are."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from paretoprune.low_rank.factor import factored, output_factors, pair_of
from paretoprune.low_rank.merge import merged, product_of
from paretoprune.low_rank.pair import Pair, full_rank

LAYERS = {
    "1x1": lambda: nn.Conv2d(6, 5, 1),
    "1x1 strided and padded": lambda: nn.Conv2d(6, 5, 1, stride=2, padding=1),
    "3x3": lambda: nn.Conv2d(6, 5, 3, padding=1),
    "3x3 without bias": lambda: nn.Conv2d(6, 5, 3, bias=False),
    "3x3 strided": lambda: nn.Conv2d(6, 5, 3, stride=2, padding=1),
    "3x3 dilated": lambda: nn.Conv2d(6, 5, 3, dilation=2, padding=2),
    "5x5 strided, dilated, padded": lambda: nn.Conv2d(4, 7, 5, stride=2, dilation=2, padding=3),
    "3x5, different along the axes": lambda: nn.Conv2d(
        4, 7, (3, 5), stride=(1, 2), dilation=(2, 1), padding=(2, 0)
    ),
    "3x1": lambda: nn.Conv2d(4, 7, (3, 1), stride=(2, 1), padding=(1, 2), dilation=(2, 1)),
    "1x3": lambda: nn.Conv2d(4, 7, (1, 3), stride=(2, 1), padding=(0, 1)),
    "same": lambda: nn.Conv2d(4, 7, 3, padding="same"),
    "same, dilated": lambda: nn.Conv2d(4, 7, (3, 5), padding="same", dilation=(1, 2)),
    "valid": lambda: nn.Conv2d(4, 7, 3, padding="valid"),
    "linear": lambda: nn.Linear(6, 5),
    "linear without bias": lambda: nn.Linear(5, 9, bias=False),
}


def made(name: str) -> tuple[nn.Conv2d | nn.Linear, Tensor]:
    torch.manual_seed(0)
    layer = LAYERS[name]()
    inputs = layer.weight.shape[1]
    shape = (3, 11, inputs) if isinstance(layer, nn.Linear) else (3, inputs, 13, 12)
    return layer.eval(), torch.randn(shape)


@pytest.mark.parametrize("name", LAYERS)
def test_a_pair_of_full_rank_computes_what_the_layer_does(name: str) -> None:
    layer, x = made(name)
    pair = pair_of(layer)
    assert pair.rank == full_rank(layer)
    torch.testing.assert_close(pair(x), layer(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_the_product_of_a_pair_is_the_layer(name: str) -> None:
    layer, x = made(name)
    whole = product_of(pair_of(layer))
    assert whole.weight.shape == layer.weight.shape
    torch.testing.assert_close(whole.weight, layer.weight, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(whole(x), layer(x), rtol=1e-4, atol=1e-5)
    if isinstance(layer, nn.Conv2d) and isinstance(whole, nn.Conv2d):
        for attribute in ("kernel_size", "stride", "padding", "dilation"):
            assert getattr(whole, attribute) == getattr(layer, attribute), attribute


@pytest.mark.parametrize("name", ["3x3 strided", "5x5 strided, dilated, padded", "linear"])
def test_the_first_components_are_the_best_rank(name: str) -> None:
    """The squared error of the weight at rank r is the sum of the squared values left out."""
    layer, _ = made(name)
    pair = pair_of(layer)
    matrix = product_of(pair).weight.detach().double()
    errors = []
    for rank in range(1, pair.rank + 1):
        prune = product_of(first_of(pair, rank)).weight.detach().double()
        errors.append(float((prune - matrix).square().sum()))
    values = (pair.first.weight.flatten(1).norm(dim=1) * norms(pair)).double().square()
    left_out = [*values.flip(0).cumsum(0).flip(0)[1:].tolist(), 0.0]
    assert errors == pytest.approx(left_out, rel=1e-3, abs=1e-6)
    assert errors == sorted(errors, reverse=True)


def norms(pair: Pair) -> Tensor:
    return pair.second.weight.transpose(0, 1).flatten(1).norm(dim=1)


def first_of(pair: Pair, rank: int) -> Pair:
    """The pair with its first components only."""
    prune = copy.deepcopy(pair)
    prune.first.weight = nn.Parameter(pair.first.weight[:rank])
    prune.second.weight = nn.Parameter(pair.second.weight[:, :rank])
    return prune


@pytest.mark.parametrize("name", LAYERS)
def test_factors_are_balanced(name: str) -> None:
    pair = pair_of(made(name)[0])
    torch.testing.assert_close(
        pair.first.weight.flatten(1).norm(dim=1), norms(pair), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(("inputs", "outputs"), [(12, 7), (7, 12)])
def test_output_components_are_best_for_the_outputs(inputs: int, outputs: int) -> None:
    """Exact at full rank; below, the projection to the first principal components of y."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)
    mixing = torch.randn(inputs, inputs, generator=generator, dtype=torch.float64)
    x = torch.randn(200, inputs, generator=generator, dtype=torch.float64) @ mixing
    y = x @ weight.T
    first, second = output_factors(weight.T, y.T @ y)
    torch.testing.assert_close(first @ second, weight.T, rtol=1e-8, atol=1e-8)
    energies = torch.linalg.eigvalsh(y.T @ y).flip(0)
    for rank in range(1, min(inputs, outputs)):
        error = (x @ first[:, :rank] @ second[:rank] - y).square().sum()
        assert float(error) == pytest.approx(float(energies[rank:].sum()), rel=1e-4)
        plain = torch.linalg.svd(weight.T)
        prune = plain[0][:, :rank] * plain[1][:rank] @ plain[2][:rank]
        assert error <= (x @ prune - y).square().sum() * (1 + 1e-9)


def test_few_samples_lose_nothing_at_full_rank() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(8, 6, generator=generator, dtype=torch.float64)
    y = torch.randn(2, 6, generator=generator, dtype=torch.float64) @ weight.T
    first, second = output_factors(weight.T, y.T @ y)
    torch.testing.assert_close(first @ second, weight.T, rtol=1e-6, atol=1e-6)


def test_a_network_keeps_its_function_mode_and_weights() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 10), nn.ReLU(),
        nn.Linear(10, 4),
    ).eval()  # fmt: skip
    net[3].weight.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    drawn = torch.random.get_rng_state()
    x = torch.randn(20, 3, 6, 6)
    torch.random.set_rng_state(drawn)
    form = factored(net, ("0", "3", "5"), x)
    assert torch.equal(torch.random.get_rng_state(), drawn), "nothing is drawn"
    torch.testing.assert_close(form(x), net(x), rtol=1e-4, atol=1e-5)
    assert not form.training and not form[3].first.weight.requires_grad
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in before.items())
    assert merged(net) is net, "there is nothing to merge"


def test_only_pairs_that_save_nothing_are_merged() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3))
    form = factored(net, ("0", "1"))
    form[0] = first_of(form[0], 11)  # 11 x 48 < 8 x 8 x 9 = 12 x 48
    form[1] = first_of(form[1], 12)
    whole = merged(form)
    assert isinstance(whole[0], Pair) and isinstance(whole[1], nn.Conv2d)
    x = torch.randn(2, 8, 7, 7)
    torch.testing.assert_close(whole(x), form(x), rtol=1e-4, atol=1e-5)
