"""Compensation against least squares solved in one piece."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from paretoprune.pruning import Narrowed, Plan, Zeroed
from paretoprune.pruning.compensation import METHODS, Moments, compensate
from paretoprune.pruning.compensation.moments import spread
from paretoprune.pruning.compensation.updates import bias, least_squares, obs
from paretoprune.pruning.scorers import Magnitude
from paretoprune.pruning.unstructured import NofM, Weights, find_layers
from tests.kits.cases import make_case


def problem(seed: int = 0) -> tuple[nn.Linear, Tensor, Tensor]:
    """A linear layer, its dense weight, and correlated inputs (samples, inputs)."""
    generator = torch.Generator().manual_seed(seed)
    layer = nn.Linear(6, 3).double().requires_grad_(False)
    mixing = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    x = torch.randn(200, 6, generator=generator, dtype=torch.float64) @ mixing + 0.5
    layer.weight.normal_(generator=generator)
    layer.bias.normal_(generator=generator)
    return layer, layer.weight.clone(), x


def moments(layer: nn.Linear, wanted: Tensor, x: Tensor) -> Moments:
    ones = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    return Moments(ones.T @ ones, (wanted - layer(x)).T @ ones, len(x))


def error(layer: nn.Linear, wanted: Tensor, x: Tensor) -> float:
    return float((wanted - layer(x)).square().sum())


def best(x: Tensor, wanted: Tensor) -> Tensor:
    return torch.linalg.lstsq(torch.cat([x, torch.ones_like(x[:, :1])], 1), wanted).solution.T


def test_least_squares_of_kept_inputs_is_the_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretoprune.pruning.compensation.updates._DAMPING", 0.0)
    dense, _, x = problem()
    wanted = dense(x)
    kept = [0, 2, 3, 5]
    layer = nn.Linear(4, 3).double().requires_grad_(False)
    layer.weight.copy_(dense.weight[:, kept])
    layer.bias.copy_(dense.bias)
    least_squares(layer, layer.weight.clone(), moments(layer, wanted, x[:, kept]))
    solution = best(x[:, kept], wanted)
    torch.testing.assert_close(layer.weight.data, solution[:, :4])
    torch.testing.assert_close(layer.bias.data, solution[:, 4])


def test_least_squares_keeps_zeros_and_is_best_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretoprune.pruning.compensation.updates._DAMPING", 0.0)
    layer, dense, x = problem(1)
    wanted = layer(x)
    mask = torch.rand(3, 6, generator=torch.Generator().manual_seed(2)) < 0.5
    layer.weight.mul_(mask)
    least_squares(layer, dense, moments(layer, wanted, x))
    assert ((layer.weight != 0) <= mask).all()
    for row in range(3):
        kept = mask[row].nonzero().flatten()
        solution = best(x[:, kept], wanted[:, row : row + 1])[0]
        torch.testing.assert_close(layer.weight[row, kept], solution[:-1])


def without_bias(seed: int, removed: list[int]) -> tuple[nn.Linear, Tensor, Tensor, Tensor]:
    layer, dense, x = problem(seed)
    layer.bias.zero_()
    wanted = layer(x)
    layer.weight[:, removed] = 0
    return layer, dense, x, wanted


def test_obs_is_least_squares_where_what_goes_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretoprune.pruning.compensation.updates._DAMPING", 0.0)
    layer, dense, x, wanted = without_bias(3, [0, 1, 2])
    obs(layer, dense, moments(layer, wanted, x))
    solution = torch.linalg.lstsq(x[:, 3:], wanted).solution.T
    torch.testing.assert_close(layer.weight[:, 3:], solution)
    assert (layer.weight[:, :3] == 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_obs_lies_between_nothing_and_least_squares(seed: int) -> None:
    layer, dense, x, wanted = without_bias(seed, [1, 4])
    plain = error(layer, wanted, x)
    exact = torch.linalg.lstsq(x[:, [0, 2, 3, 5]], wanted).solution
    least = float((wanted - x[:, [0, 2, 3, 5]] @ exact).square().sum())
    obs(layer, dense, moments(layer, wanted, x))
    assert least * (1 - 1e-9) <= error(layer, wanted, x) < plain


def test_the_bias_takes_up_the_mean() -> None:
    layer, dense, x = problem(4)
    wanted = layer(x)
    layer.weight[:, 0] = 0
    bias(layer, dense, moments(layer, wanted, x))
    torch.testing.assert_close(layer(x).mean(0), wanted.mean(0))


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(3, 5, 3, stride=2, padding=1, bias=False),
        nn.Conv2d(3, 5, 3, padding="same", dilation=2, bias=False),
        nn.Conv2d(3, 5, (1, 2), padding="valid", bias=False),
    ],
    ids=str,
)
def test_inputs_are_spread_out_as_the_convolution_takes_them(conv: nn.Conv2d) -> None:
    x = torch.randn(2, 3, 7, 6, generator=torch.Generator().manual_seed(0))
    expected = conv(x).movedim(1, 0).flatten(1)
    torch.testing.assert_close(conv.weight.flatten(1) @ spread(conv, x), expected)


@pytest.mark.parametrize(
    ("method", "granularity"),
    [
        ("bias", "channels"),
        ("least_squares", "channels"),
        ("least_squares", "weights"),
        ("obs", "weights"),
        ("obs", "nm"),
    ],
)
@pytest.mark.parametrize("name", ["resnet", "vgg_without_batchnorm"])
def test_outputs_of_a_whole_network_change_less(method: str, granularity: str, name: str) -> None:
    case = make_case(name)
    patterns = {"weights": Weights(), "nm": NofM(2)}
    dense = (
        Narrowed(case.model, Plan({}), case.groups)
        if granularity == "channels"
        else Zeroed(case.model, find_layers(case.model, patterns[granularity]))
    )
    widths = {n: max(1, round(0.6 * width)) for n, width in dense.widths().items()}
    cut = dense.cut(dense.score(Magnitude(), []), widths, proof=None)
    generator = torch.Generator().manual_seed(3)
    batches = [torch.randn(64, 3, 8, 8, generator=generator) for _ in range(2)]
    held = {n: mask.clone() for n, mask in cut.held.items()}
    before = copy.deepcopy(case.model.state_dict())
    with torch.no_grad():
        wanted = case.model(batches[0])
        plain = float((cut.model(batches[0]) - wanted).square().mean())
        compensate(method, cut.model, case.model, cut.rows_left(dense), batches)
        after = float((cut.model(batches[0]) - wanted).square().mean())
    assert after < plain
    assert all(((cut.held[n]) <= mask).all() for n, mask in held.items())
    assert all(torch.equal(before[n], t) for n, t in case.model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in cut.model.modules())


def test_all_methods_were_tested() -> None:
    assert {*METHODS} == {"bias", "least_squares", "obs"}
