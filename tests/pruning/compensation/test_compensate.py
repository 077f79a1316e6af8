"""Compensation against least squares solved in one piece."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.compose import targets_of
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.finetune.batchnorm import recalibrate_batchnorm
from paretoprune.pruning.candidate import MaskedCandidate, PrunedCandidate
from paretoprune.pruning.compensation.compensate import compensate
from paretoprune.pruning.compensation.methods.bias import Bias
from paretoprune.pruning.compensation.methods.least_squares import LeastSquares
from paretoprune.pruning.compensation.methods.obs import Obs
from paretoprune.pruning.compensation.moments import (
    Moments,
    at_columns,
    columns_of,
    moments_of,
    spread,
)
from paretoprune.pruning.compensation.updatable import skipped_layers, updatable_layers
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.plan import Plan
from paretoprune.pruning.unstructured.layers import find_layers
from paretoprune.pruning.unstructured.patterns import NofM, Weights
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification
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


def test_least_squares_of_kept_inputs_is_the_solution() -> None:
    dense, _, x = problem()
    wanted = dense(x)
    kept = [0, 2, 3, 5]
    layer = nn.Linear(4, 3).double().requires_grad_(False)
    layer.weight.copy_(dense.weight[:, kept])
    layer.bias.copy_(dense.bias)
    LeastSquares(ridge=0.0).update(layer, layer.weight.clone(), moments(layer, wanted, x[:, kept]))
    solution = best(x[:, kept], wanted)
    torch.testing.assert_close(layer.weight.data, solution[:, :4])
    torch.testing.assert_close(layer.bias.data, solution[:, 4])


def test_least_squares_keeps_zeros_and_is_best_row_by_row() -> None:
    layer, dense, x = problem(1)
    wanted = layer(x)
    mask = torch.rand(3, 6, generator=torch.Generator().manual_seed(2)) < 0.5
    layer.weight.mul_(mask)
    LeastSquares(ridge=0.0).update(layer, dense, moments(layer, wanted, x))
    assert ((layer.weight != 0) <= mask).all()
    for row in range(3):
        kept = mask[row].nonzero().flatten()
        solution = best(x[:, kept], wanted[:, row : row + 1])[0]
        torch.testing.assert_close(layer.weight[row, kept], solution[:-1])


@pytest.mark.parametrize("zeros", [False, True], ids=["all weights", "with zeros"])
def test_least_squares_pulls_weights_back_by_a_tenth_of_the_mean_variance(zeros: bool) -> None:
    """Ridge regression, as rows for the penalty below the inputs without their means."""
    layer, dense, x = problem(5)
    wanted = torch.randn(200, 3, generator=torch.Generator().manual_seed(6), dtype=x.dtype)
    if zeros:
        layer.weight[:, ::2] = 0
    kept = layer.weight[0].nonzero().flatten()
    before, lack = layer.weight.clone(), wanted - layer(x)
    LeastSquares().update(layer, dense, moments(layer, wanted, x))
    centred = x - x.mean(0)
    penalty = (0.1 * centred.square().sum(0).mean()).sqrt() * torch.eye(6, dtype=x.dtype)
    rows = torch.cat([centred, penalty])[:, kept]
    goal = torch.cat([lack - lack.mean(0), torch.zeros(6, 3, dtype=x.dtype)])
    change = torch.linalg.lstsq(rows, goal).solution.T
    torch.testing.assert_close(layer.weight[:, kept] - before[:, kept], change)
    torch.testing.assert_close(layer(x).mean(0), wanted.mean(0))


def without_bias(seed: int, removed: list[int]) -> tuple[nn.Linear, Tensor, Tensor, Tensor]:
    layer, dense, x = problem(seed)
    layer.bias.zero_()
    wanted = layer(x)
    layer.weight[:, removed] = 0
    return layer, dense, x, wanted


def test_obs_is_least_squares_where_removed_inputs_come_first() -> None:
    layer, dense, x, wanted = without_bias(3, [0, 1, 2])
    Obs(damping=0.0).update(layer, dense, moments(layer, wanted, x))
    solution = torch.linalg.lstsq(x[:, 3:], wanted).solution.T
    torch.testing.assert_close(layer.weight[:, 3:], solution)
    assert (layer.weight[:, :3] == 0).all()


def test_obs_is_damped_by_a_hundredth_of_the_mean_square() -> None:
    """With removed inputs first, OBS is ridge regression: damping adds rows to the inputs."""
    layer, dense, x, wanted = without_bias(3, [0, 1, 2])
    Obs().update(layer, dense, moments(layer, wanted, x))
    damping = (0.01 * x.square().sum(0).mean()).sqrt() * torch.eye(6, dtype=x.dtype)
    rows = torch.cat([x, damping])
    solution = torch.linalg.lstsq(rows[:, 3:], rows @ dense.T).solution.T
    torch.testing.assert_close(layer.weight[:, 3:], solution)


@pytest.mark.parametrize("seed", range(5))
def test_obs_lies_between_nothing_and_least_squares(seed: int) -> None:
    layer, dense, x, wanted = without_bias(seed, [1, 4])
    plain = error(layer, wanted, x)
    exact = torch.linalg.lstsq(x[:, [0, 2, 3, 5]], wanted).solution
    least = float((wanted - x[:, [0, 2, 3, 5]] @ exact).square().sum())
    Obs().update(layer, dense, moments(layer, wanted, x))
    assert least * (1 - 1e-9) <= error(layer, wanted, x) < plain


def test_the_bias_takes_up_the_mean() -> None:
    layer, dense, x = problem(4)
    wanted = layer(x)
    layer.weight[:, 0] = 0
    Bias().update(layer, dense, moments(layer, wanted, x))
    torch.testing.assert_close(layer(x).mean(0), wanted.mean(0))


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(3, 5, 3, stride=2, padding=1, bias=False),
        nn.Conv2d(3, 5, 3, padding="same", dilation=2, bias=False),
        nn.Conv2d(3, 5, (1, 2), padding="valid", bias=False),
        nn.Conv2d(3, 5, (3, 2), padding=(1, 0), padding_mode="reflect", bias=False),
        nn.Conv2d(3, 5, (4, 3), padding="same", padding_mode="circular", bias=False),
        nn.Conv1d(3, 5, 3, stride=2, padding=1, bias=False),
        nn.Conv1d(3, 5, 4, padding="same", dilation=2, bias=False),
        nn.Conv3d(3, 5, (1, 2, 3), stride=(1, 2, 1), padding=(0, 1, 2), bias=False),
    ],
    ids=str,
)
def test_inputs_are_spread_out_as_the_convolution_takes_them(conv: nn.Module) -> None:
    sizes = [7, 6, 5][: conv.weight.dim() - 2]
    x = torch.randn(2, 3, *sizes, generator=torch.Generator().manual_seed(0))
    expected = conv(x).movedim(1, 0).flatten(1)
    torch.testing.assert_close(conv.weight.flatten(1) @ spread(conv, x), expected)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(3, 5, 3, stride=2, padding=1, bias=False), (4, 3, 7, 6)),
        (nn.Conv2d(3, 5, 3, padding="same", dilation=2), (4, 3, 7, 6)),
        (nn.Conv2d(3, 5, (1, 2), padding="valid"), (4, 3, 7, 6)),
        (nn.Linear(6, 5), (4, 3, 6)),
        (nn.Conv1d(3, 5, 3, padding=1), (4, 3, 30)),
        (nn.Conv3d(3, 5, 2, stride=2), (4, 3, 6, 5, 4)),
    ],
    ids=str,
)
def test_moments_are_those_of_all_columns_that_are_looked_at(
    layer: nn.Module, shape: tuple[int, ...]
) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(shape, generator=generator)
    with torch.no_grad():
        output = layer(x)
        wanted = torch.randn(output.shape, generator=generator)
        columns = torch.arange(0, output.numel() // 5, 3)
        found = moments_of(layer, x, at_columns(layer, wanted, columns), columns)
        inputs = spread(layer, x)[:, columns]
        inputs = torch.cat([inputs, torch.ones_like(inputs[:1])]).double()
        gap = at_columns(layer, wanted - output, columns).double()
    assert found.count == len(columns)
    torch.testing.assert_close(found.inputs, inputs @ inputs.T, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(found.missing, gap @ inputs.T, rtol=1e-5, atol=1e-4)


def test_of_many_columns_enough_are_looked_at() -> None:
    conv = nn.Conv2d(4, 2, 3, padding=1)
    few, many = torch.zeros(3, 2, 10, 10), torch.zeros(64, 2, 32, 32)
    assert columns_of(conv, few).tolist() == list(range(300))
    looked_at = columns_of(conv, many)
    assert 2**13 / 2 <= len(looked_at) <= 2**13 * 1.5
    assert {int(place) % 32 for place in looked_at} == set(range(32))


def test_statistics_are_those_of_the_samples_afterwards() -> None:
    case = make_case("resnet")
    dense = PrunedCandidate(case.model, Plan({}), case.groups)
    widths = {n: max(1, round(0.6 * width)) for n, width in dense.widths().items()}
    prune = dense.prune(dense.score(Magnitude(), []), widths, proof=None)
    samples = torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    compensate(LeastSquares(), prune.model, case.model, prune.kept_rows(dense), samples)
    norms = {
        name: module
        for name, module in prune.model.named_modules()
        if isinstance(module, nn.BatchNorm2d)
    }
    seen: dict[str, Tensor] = {}
    for name, norm in norms.items():
        norm.register_forward_pre_hook(
            lambda _m, args, name=name: seen.update({name: args[0].mean((0, 2, 3))})
        )
    before = {name: norm.running_mean.clone() for name, norm in norms.items()}
    with torch.no_grad():
        prune.model.eval()(samples)
    first = next(iter(norms))  # of later ones the inputs are normalised by other statistics
    torch.testing.assert_close(before[first], seen[first], rtol=1e-4, atol=1e-5)
    assert all(norm.momentum == 0.1 and not norm.training for norm in norms.values())


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
    case = replace(case, model=copy.deepcopy(case.model))  # other tests have the same
    generator = torch.Generator().manual_seed(3)
    batches = [torch.randn(64, 3, 8, 8, generator=generator) for _ in range(2)]
    recalibrate_batchnorm(case.model, batches)  # those of a trained network know its data
    patterns = {"weights": Weights(), "nm": NofM(2)}
    dense = (
        PrunedCandidate(case.model, Plan({}), case.groups)
        if granularity == "channels"
        else MaskedCandidate(case.model, find_layers(case.model, patterns[granularity]))
    )
    widths = {n: max(1, round(0.6 * width)) for n, width in dense.widths().items()}
    prune = dense.prune(dense.score(Magnitude(), []), widths, proof=None)
    fixed_masks = {n: mask.clone() for n, mask in prune.fixed_masks.items()}
    before = copy.deepcopy(case.model.state_dict())
    with torch.no_grad():
        wanted = case.model(batches[0])
        plain = float((prune.model(batches[0]) - wanted).square().mean())
        chosen = build(Target(path=targets_of("compensation")[method]))
        compensate(chosen, prune.model, case.model, prune.kept_rows(dense), torch.cat(batches))
        after = float((prune.model(batches[0]) - wanted).square().mean())
    assert after < plain
    assert all(((prune.fixed_masks[n]) <= mask).all() for n, mask in fixed_masks.items())
    assert all(torch.equal(before[n], t) for n, t in case.model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in prune.model.modules())


class Conv1D(nn.Module):
    """As in transformers: a linear layer with a weight (inputs, outputs)."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf = nf
        self.weight, self.bias = nn.Parameter(torch.randn(nx, nf)), nn.Parameter(torch.zeros(nf))

    def forward(self, x: Tensor) -> Tensor:
        flat = torch.addmm(self.bias, x.reshape(-1, x.shape[-1]), self.weight)
        return flat.view(*x.shape[:-1], self.nf)


def test_a_linear_layer_and_one_with_a_transposed_weight_change_alike() -> None:
    rows = {"0.weight": [0, 2, 3, 5]}
    samples = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    models = []
    for transposed in (False, True):
        torch.manual_seed(1)
        dense = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
        if transposed:
            dense = nn.Sequential(as_conv1d(dense[0]), nn.ReLU(), as_conv1d(dense[2]))
        groups = find_groups(dense, torch.randn(2, 4)).prunable
        prune = apply_plan(dense, groups, Plan({groups[0].name: (1, 4)}))
        compensate(LeastSquares(), prune, dense, rows, samples)
        models.append((dense, prune))
    (_, plain), (_, turned) = models
    torch.testing.assert_close(plain[2].weight, turned[2].weight.T, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(plain[2].bias, turned[2].bias, rtol=1e-4, atol=1e-5)


def as_conv1d(layer: nn.Linear) -> Conv1D:
    turned = Conv1D(layer.out_features, layer.in_features)
    with torch.no_grad():
        turned.weight.copy_(layer.weight.T)
        turned.bias.copy_(layer.bias)
    return turned


def test_rows_left_of_a_transposed_weight_are_its_columns() -> None:
    dense = nn.Sequential(Conv1D(6, 4), nn.ReLU(), Conv1D(3, 6))
    groups = find_groups(dense, torch.randn(2, 4)).prunable
    wider = PrunedCandidate(dense, Plan({}), groups)
    prune = wider.prune({groups[0].name: torch.arange(6.0)}, {groups[0].name: 4}, proof=None)
    assert prune.kept_rows(wider)["0.weight"] == [2, 3, 4, 5]


class Shared(nn.Module):
    """Each kind of layer that compensation leaves alone, and one that it updates."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 4)
        self.rnn = nn.GRU(4, 4, batch_first=True)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.grouped = nn.Conv1d(4, 4, 3, padding=1, groups=2)
        self.plain = nn.Linear(4, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x: Tensor) -> Tensor:
        x = self.rnn(self.table(x))[0]
        x = self.grouped(self.attention(x, x, x)[0].mT).mT
        return self.head(self.plain(x).relu())


def test_tied_weights_and_layers_of_other_kinds_stay_and_are_named() -> None:
    torch.manual_seed(0)
    dense = Shared().eval()
    model = copy.deepcopy(dense)
    with torch.no_grad():
        model.plain.weight[:, 0] = 0
    before = copy.deepcopy(model.state_dict())
    samples = torch.randint(7, (40, 5))
    compensate(LeastSquares(), model, dense, {}, samples)
    after = model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"plain.weight", "plain.bias"}
    assert skipped_layers(model) == {
        "rnn": "GRU",
        "attention": "MultiheadAttention",
        "attention.out_proj": "NonDynamicallyQuantizableLinear",
        "grouped": "Conv1d",
        "head": "its weight is shared",
    }


def test_a_parametrized_weight_stays() -> None:
    dense = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))
    torch.nn.utils.parametrizations.weight_norm(dense[2])
    assert "2" not in updatable_layers(dense) and "0" in updatable_layers(dense)
    assert skipped_layers(dense) == {"2": "ParametrizationList"}


class Tokens(Classification):
    """Classification of sequences ((x, mask), y), whose mask says what is padding."""

    def valid(self, batch: Any) -> Tensor:
        mask: Tensor = batch[0][1]
        return mask


class PerToken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return (self.second(self.first(x).relu()) * mask.unsqueeze(2)).sum(1)


def test_padding_does_not_matter() -> None:
    """The same weights whatever stands behind the ends of the sequences, and however much."""
    torch.manual_seed(0)
    dense, x = PerToken(), torch.randn(32, 5, 6)
    lengths = torch.arange(32) % 5 + 1
    weights = []
    for padding in (torch.zeros(32, 2, 6), 9 * torch.randn(32, 4, 6)):
        padded = torch.cat([x, padding], 1)
        mask = torch.arange(padded.shape[1]) < lengths[:, None]
        samples = TaskBatch(
            Tokens(), ((torch.where(mask[:, :, None], padded, padding[:, :1]), mask), lengths % 3)
        )
        groups = find_groups(copy.deepcopy(dense).eval(), samples.inputs).prunable
        start = PrunedCandidate(copy.deepcopy(dense), Plan({}), groups)
        smaller = start.prune(
            Magnitude()(dense, groups, []), {group.name: 4 for group in groups}, proof=None
        )
        compensate(LeastSquares(), smaller.model, dense, smaller.kept_rows(start), samples)
        weights.append(smaller.model.state_dict())
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor)
    assert not torch.equal(weights[0]["second.weight"], dense.second.weight[:, :4])


def test_a_weight_with_two_names_in_one_layer_counts_as_shared() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].register_parameter("again", model[1].weight)
    assert list(updatable_layers(model)) == ["0"]
    assert skipped_layers(model) == {"1": "its weight is shared"}


@pytest.mark.parametrize(("times", "step"), [(1, 1), (2, 3), (3, 3), (4, 5), (5, 5), (6, 7)])
def test_every_odd_column_of_a_large_output_is_used(times: int, step: int) -> None:
    """An even step would leave out every other column of an image."""
    layer = nn.Linear(2, 1)
    output = torch.zeros(times * 2**13, 1)
    assert columns_of(layer, output).tolist() == list(range(0, len(output), step))


def test_norms_and_biases_are_no_layers_that_were_skipped() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.PReLU(4), nn.Linear(4, 2))
    assert skipped_layers(model) == {}
    assert skipped_layers(nn.Sequential(nn.Bilinear(2, 3, 4))) == {"0": "Bilinear"}
