"""The removal costs against least squares solved anew for every set of channels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group, Slot
from paretoprune.pruning.scorers.activation.reconstruction import Reconstruction
from tests.kits.tasks import bound

PULL = 0.1


def make_network(width: int, *, seed: int = 0) -> tuple[nn.Sequential, Group]:
    """A hidden layer whose channels are alike to different degrees, and one that takes them."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3)).double()
    places = tuple((channel,) for channel in range(width))
    slots = (Slot("0.weight", 0, places), Slot("0.bias", 0, places), Slot("2.weight", 1, places))
    return model, Group("0", width, slots)


def cost_of(gone: list[int], weight: Tensor, covariance: Tensor) -> float:
    """The least change of the outputs, with the penalty, once these channels are gone."""
    kept = [channel for channel in range(len(covariance)) if channel not in gone]
    penalised = covariance + PULL * covariance.diagonal().mean() * torch.eye(len(covariance))
    change = torch.zeros_like(weight)
    change[:, gone] = -weight[:, gone]
    change[:, kept] = torch.linalg.solve(
        penalised[kept][:, kept], penalised[kept][:, gone] @ weight[:, gone].T
    ).T
    lost = ((change @ penalised) * change).sum()
    return float(lost / ((weight @ covariance) * weight).sum())


@pytest.mark.parametrize("seed", range(5))
def test_each_step_is_the_cheapest_and_its_score_the_cost_of_all_that_went(seed: int) -> None:
    model, group = make_network(7, seed=seed)
    inputs = torch.randn(200, 4, dtype=torch.float64)
    scores = Reconstruction()(model, [group], bound([(inputs[:120],), (inputs[120:],)]))["0"]
    hidden = model[:2](inputs).detach()
    covariance = hidden.T.cov(correction=0)
    weight = model[2].weight.detach()
    gone: list[int] = []
    for channel in scores.argsort().tolist():
        costs = {
            other: cost_of([*gone, other], weight, covariance)
            for other in range(7)
            if other not in gone
        }
        gone.append(channel)
        assert costs[channel] == pytest.approx(min(costs.values()), rel=1e-4)
        assert float(scores[channel]) == pytest.approx(costs[channel], rel=1e-4)


def test_of_two_equal_channels_one_is_free_and_the_other_is_not() -> None:
    model, group = make_network(6)
    with torch.no_grad():
        for tensor in (model[0].weight, model[0].bias):
            tensor[1] = tensor[0]
        model[2].weight[:, 1] = model[2].weight[:, 0]
    inputs = torch.randn(400, 4, dtype=torch.float64)
    scores = Reconstruction()(model, [group], bound([(inputs,)]))["0"]
    pair = sorted(float(scores[channel]) for channel in (0, 1))
    assert pair[0] < 0.3 * pair[1]


def test_wide_groups_lose_several_channels_at_once_at_their_joint_cost() -> None:
    model, group = make_network(300)
    inputs = torch.randn(2000, 4, dtype=torch.float64)
    scores = Reconstruction()(model, [group], bound([(inputs,)]))["0"].double()
    covariance = model[:2](inputs).detach().T.cov(correction=0)
    first = scores.argsort()[:200].tolist()
    joint = cost_of(first, model[2].weight.detach(), covariance)
    assert float(scores[first[-1]]) == pytest.approx(joint, rel=0.1)


def test_what_is_not_finite_is_reported() -> None:
    model, group = make_network(5)
    nan = torch.full((8, 4), torch.nan, dtype=torch.float64)
    with pytest.raises(PruningError, match="NaN or infinite"):
        Reconstruction()(model, [group], bound([(nan,)]))
    with pytest.raises(PruningError, match="at least one batch"):
        Reconstruction()(model, [group], [])


def test_groups_that_can_be_read_are_scored_beside_one_that_cannot() -> None:
    model, group = make_network(6)
    batches = bound([(torch.randn(100, 4, dtype=torch.float64),)])
    alone = Reconstruction()(model, [group], batches)
    unread = Group("unread", 6, group.slots[:2])  # no layer takes it
    with pytest.raises(PruningError, match="`unread` enters no convolution or linear layer"):
        Reconstruction()(model, [group, unread], batches)
    found = Reconstruction().where_read(model, [group, unread], batches)
    assert list(found) == ["0"] and torch.equal(found["0"], alone["0"])
    bypassed = Bypassed(model)
    moved = Group("moved", 6, tuple(Slot(f"inner.{s.tensor}", *rest(s)) for s in group.slots))
    with pytest.raises(PruningError, match=r"layer `inner\.2` is not run"):
        Reconstruction()(bypassed, [moved], batches)
    assert Reconstruction().where_read(bypassed, [moved], batches) == {}


class Bypassed(nn.Module):
    """Uses the weight of a layer that it never calls."""

    def __init__(self, inner: nn.Sequential) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner[:2](x) @ self.inner[2].weight.T


def rest(slot: Slot) -> tuple[int, tuple[tuple[int, ...], ...]]:
    return slot.dim, slot.positions
