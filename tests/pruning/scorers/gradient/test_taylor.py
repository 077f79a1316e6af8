"""First-order Taylor scores, against autograd written out and against really removing a channel."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.scorers.gradient.taylor import Taylor
from tests.kits import networks
from tests.kits.tasks import bound

X = torch.randn(10, 3, 8, 8, generator=torch.Generator().manual_seed(3))
Y = torch.randint(5, (10,), generator=torch.Generator().manual_seed(4))
UNEVEN = [(X[:7], Y[:7]), (X[7:], Y[7:])]


def reference(model: nn.Module, group) -> torch.Tensor:
    """Element by element: the square of the sum of weight x gradient, the mean over batches."""
    return torch.stack([squared(model, group, x, y) for x, y in UNEVEN]).mean(0).float()


def squared(model: nn.Module, group, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    model = copy.deepcopy(model).eval().double()
    cross_entropy(model(x.double()), y).backward()
    total = torch.zeros(group.width, dtype=torch.float64)
    for slot in group.slots:
        parameter = dict(model.named_parameters()).get(slot.tensor)
        if parameter is None or parameter.dim() < 2:
            continue
        product = (parameter * parameter.grad).detach()
        for channel, positions in enumerate(slot.positions):
            for position in positions:
                total[channel] += product.select(slot.dim, position).sum()
    return total.square()


def test_equals_autograd_written_out(case) -> None:
    scores = Taylor(batches=2)(case.model, case.groups, bound(UNEVEN))
    for group in case.groups:
        expected = reference(case.model, group)
        assert torch.allclose(scores[group.name], expected, rtol=1e-3, atol=1e-9)


def test_predicts_the_change_of_the_loss_for_a_small_step() -> None:
    """Weights smaller by a factor 1 - e change the loss by e times the root of the score."""
    model = networks.lively(nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))).double()
    x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.arange(32) % 3
    groups = find_groups(model, x[:2]).prunable
    scores = Taylor(1)(model, groups, bound([(x, y)]))["0"]
    for channel in range(6):
        shrunk = copy.deepcopy(model)
        step = 1e-6
        with torch.no_grad():
            shrunk[0].weight[channel] *= 1 - step
            shrunk[2].weight[:, channel] *= 1 - step
            change = cross_entropy(shrunk(x), y) - cross_entropy(model(x), y)
        assert float(change.abs()) / step == pytest.approx(float(scores[channel]) ** 0.5, rel=1e-3)


def test_takes_as_many_batches_as_asked(resnet) -> None:
    endless = iter(lambda: bound([(X, Y)])[0], None)
    scores = Taylor(batches=1)(resnet.model, resnet.groups, endless)
    once = Taylor(batches=5)(resnet.model, resnet.groups, bound([(X, Y)]))
    assert all(torch.equal(scores[name], once[name]) for name in scores)


def test_no_batch_is_reported(resnet) -> None:
    with pytest.raises(PruningError, match="at least one batch"):
        Taylor()(resnet.model, resnet.groups, [])


def test_a_diverged_model_is_reported(resnet) -> None:
    model = networks.build("resnet")
    with torch.no_grad():
        model.fc.weight.fill_(float("nan"))
    with pytest.raises(PruningError, match="NaN"):
        Taylor(1)(model, resnet.groups, bound([(X, Y)]))
