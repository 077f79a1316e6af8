"""Pairs against the layers in whose place they are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paretoprune.low_rank.factor import factored, fill, output_factors, pair_of
from paretoprune.low_rank.merge import merged, product_of
from paretoprune.low_rank.pair import Pair, full_rank, full_ranks, pairs_of

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
    pair = pair_of(layer, full_rank(layer))
    assert pair.rank == full_rank(layer)
    torch.testing.assert_close(pair(x), layer(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_the_product_of_a_pair_is_the_layer(name: str) -> None:
    layer, x = made(name)
    whole = product_of(pair_of(layer, full_rank(layer)))
    assert whole.weight.shape == layer.weight.shape
    torch.testing.assert_close(whole.weight, layer.weight, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(whole(x), layer(x), rtol=1e-4, atol=1e-5)
    if isinstance(layer, nn.Conv2d) and isinstance(whole, nn.Conv2d):
        for attribute in ("kernel_size", "stride", "padding", "dilation"):
            assert getattr(whole, attribute) == getattr(layer, attribute), attribute


@pytest.mark.parametrize("name", ["3x3 strided", "5x5 strided, dilated, padded", "linear"])
def test_a_pair_is_the_best_of_its_rank(name: str) -> None:
    """The squared error of the weight at rank r is the sum of the squared singular values left
    out (Eckart and Young 1936)."""
    layer, _ = made(name)
    weight = layer.weight.detach().double()
    matrix = weight if weight.dim() == 2 else weight.permute(1, 2, 0, 3).flatten(2).flatten(0, 1)
    values = torch.linalg.svdvals(matrix).square()
    for rank in range(1, full_rank(layer) + 1):
        pair = pair_of(layer, rank)
        assert pair.rank == rank
        error = float((product_of(pair).weight.detach().double() - weight).square().sum())
        assert error == pytest.approx(float(values[rank:].sum()), rel=1e-3, abs=1e-6)


def norms(pair: Pair) -> Tensor:
    return pair.second.weight.transpose(0, 1).flatten(1).norm(dim=1)


@pytest.mark.parametrize("name", LAYERS)
def test_factors_are_balanced(name: str) -> None:
    layer, _ = made(name)
    pair = pair_of(layer, max(1, full_rank(layer) // 2))
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
    ranks = full_ranks(net, ("0", "3", "5"))
    form = factored(net, ranks)
    assert torch.equal(torch.random.get_rng_state(), drawn), "nothing is drawn"
    torch.testing.assert_close(form(x), net(x), rtol=1e-4, atol=1e-5)
    assert not form.training and not form[3].first.weight.requires_grad
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in before.items())
    assert merged(net) is net and factored(net, {}) is net, "there is nothing to do"
    whole = merged(form)
    assert not pairs_of(whole) and pairs_of(form).keys() == ranks.keys()
    assert not whole[3].weight.requires_grad and not whole.training
    torch.testing.assert_close(whole.state_dict(), net.state_dict(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rank", [1, 3, 5])
def test_a_linear_layer_is_filled_with_the_best_for_its_outputs(rank: int) -> None:
    """With second moments of the inputs: reduced-rank regression, never worse than the SVD."""
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(12, 7).requires_grad_(False)
    x = torch.randn(200, 12, generator=generator) @ torch.randn(12, 12, generator=generator)
    pair, plain = pair_of(layer, rank), pair_of(layer, rank)
    fill(pair, layer, x.T @ x)
    y = layer(x) - layer.bias
    best, other = (float((one(x) - layer(x)).detach().square().sum()) for one in (pair, plain))
    energies = torch.linalg.eigvalsh((y.T @ y).double())
    assert best == pytest.approx(float(energies[: 7 - rank].sum()), rel=1e-2)
    assert best < other
