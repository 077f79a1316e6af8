"""Compensation of low-rank pairs against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paretoprune.low_rank.factor import pair_of
from paretoprune.low_rank.pair import Pair
from paretoprune.pruning.compensation.compensate import compensate
from paretoprune.pruning.compensation.methods.bias import Bias
from paretoprune.pruning.compensation.methods.least_squares import LeastSquares
from paretoprune.pruning.compensation.moments import at_columns
from paretoprune.pruning.compensation.pairs import fit_pair


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def error_of(pair: Pair, x: Tensor, wanted: Tensor) -> float:
    return float(
        (at_columns(pair.second, pair(x), torch.arange(wanted.shape[1])) - wanted).square().sum()
    )


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_a_linear_pair_is_the_best_of_its_rank_for_any_wanted_outputs(rank: int) -> None:
    """Reduced-rank regression (Izenman 1975): the error of the least squares of full rank, and the
    smallest eigenvalues of its fitted outputs."""
    with torch.no_grad():
        x, noise = drawn(0, 400, 7) @ drawn(1, 7, 7), drawn(2, 400, 5)
        wanted = x @ drawn(3, 7, 5) + noise + 3.0
        pair = pair_of(nn.Linear(7, 5), rank).eval()
        fit_pair(LeastSquares(ridge=0.0), pair, x, wanted.T, torch.arange(400))
        found = error_of(pair, x, wanted.T)
        x, wanted = (one - one.mean(0) for one in (x.double(), wanted.double()))
        fitted = x @ torch.linalg.lstsq(x, wanted).solution
        lost = torch.linalg.eigvalsh(fitted.T @ fitted)[: 5 - rank].sum()
        best = float((fitted - wanted).square().sum() + lost)
    assert found == pytest.approx(best, rel=1e-3)


def test_a_convolution_is_fitted_before_and_after_it_is_factored() -> None:
    """The error falls with the second part alone, and further with the whole layer."""
    with torch.no_grad():
        layer = nn.Conv2d(6, 8, 3, padding=1)
        x = drawn(0, 20, 6, 8, 8)
        columns = torch.arange(20 * 64)
        wanted = at_columns(layer, layer(x), columns)
        narrow = nn.Conv2d(5, 8, 3, padding=1)
        narrow.weight.copy_(layer.weight[:, :5])
        narrow.bias.copy_(layer.bias)
        x = torch.cat([x[:, :4], x[:, 4:5] + x[:, 5:]], 1)  # the last input is gone
        plain = pair_of(narrow, 4).eval()
        biased, fitted = (pair_of(narrow, 4).eval() for _ in range(2))
        fit_pair(Bias(), biased, x, wanted, columns)
        fit_pair(LeastSquares(), fitted, x, wanted, columns)
        errors = [error_of(pair, x, wanted) for pair in (plain, biased, fitted)]
    assert errors[2] < 0.9 * errors[1] < 0.9 * errors[0] + 1e-3
    assert torch.equal(biased.first.weight, plain.first.weight)
    assert torch.equal(biased.second.weight, plain.second.weight)


def test_a_pair_is_one_layer_of_the_network() -> None:
    """Its target is the output of the layer in whose place it is; its parts have none."""
    torch.manual_seed(0)
    reference = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Flatten(), nn.Linear(6 * 16, 4)).eval()
    model = nn.Sequential(pair_of(reference[0], 2), nn.Flatten(), nn.Linear(6 * 16, 4)).eval()
    model[2].load_state_dict(reference[2].state_dict())
    x = drawn(0, 64, 3, 6, 6)
    with torch.no_grad():
        before = float((model[0](x) - reference[0](x)).square().sum())
        compensate(LeastSquares(), model, reference, {}, x)
        after = float((model[0](x) - reference[0](x)).square().sum())
        ends = float((model(x) - reference(x)).square().sum())
    assert after < before
    assert ends < after, "the layer behind it compensates, too"
