"""Scores that a training gathers: the square of what the loss feels of a gate on each channel."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.scorers.gradient.gates import GateScores
from paretoprune.pruning.structured.masks import mask_tensors
from paretoprune.pruning.structured.plan import Plan


def test_it_is_the_squared_slope_of_a_gate() -> None:
    """Scaling the weights that read a channel by 1 + h moves the loss by h times the slope."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)
    ).double()
    groups = find_groups(model, torch.zeros(2, 5, dtype=torch.float64)).prunable
    [group] = groups
    x, y = torch.randn(16, 5, dtype=torch.float64), torch.randint(0, 3, (16,))
    gates = GateScores(model, groups)
    cross_entropy(model(x), y).backward()
    gates()
    found = gates.scores()[group.name]
    for channel in range(4):
        losses = []
        for h in (1e-5, -1e-5):
            scaled = copy.deepcopy(model)
            with torch.no_grad():
                scaled[0].weight[channel] *= 1 + h
                scaled[2].weight[:, channel] *= 1 + h
            losses.append(cross_entropy(scaled(x), y).item())
        slope = (losses[0] - losses[1]) / 2e-5
        assert found[channel].item() == pytest.approx(slope**2, rel=1e-4, abs=1e-12)


def test_recent_steps_count_more() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 2))
    groups = find_groups(model, torch.zeros(2, 2)).prunable
    gates = GateScores(model, groups)
    for gradient in (1.0, 0.0):
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, gradient)
        gates()
    once = GateScores(model, groups)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    once()
    name = groups[0].name
    expected = once.scores()[name] * (0.98 / 1.98)
    torch.testing.assert_close(gates.scores()[name], expected)


def test_without_gradients_there_are_no_scores() -> None:
    with pytest.raises(PruningError, match="no finite gradients"):
        GateScores(torch.nn.Linear(2, 2), ()).scores()


def test_masks_and_scores_speak_of_the_same_channels() -> None:
    """A channel whose weights are zero everywhere has no effect."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3))
    groups = find_groups(model, torch.zeros(2, 5)).prunable
    with torch.no_grad():
        for name, mask in mask_tensors(model, groups, Plan({groups[0].name: (2,)})).items():
            model.get_parameter(name).mul_(mask)
    gates = GateScores(model, groups)
    cross_entropy(model(torch.randn(8, 5)), torch.randint(0, 3, (8,))).backward()
    gates()
    assert gates.scores()[groups[0].name].argmin() == 2
    assert gates.scores()[groups[0].name][2] == 0


def test_what_the_loss_does_not_use_counts_as_zero() -> None:
    """A second head, whose outputs go nowhere."""

    class TwoHeads(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.head = torch.nn.Linear(5, 4), torch.nn.Linear(4, 3)
            self.other = torch.nn.Sequential(torch.nn.Linear(5, 6), torch.nn.Linear(6, 2))

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.head(self.first(x).relu()), self.other(x)

    torch.manual_seed(0)
    model = TwoHeads()
    groups = find_groups(model, torch.zeros(2, 5)).prunable
    gates = GateScores(model, groups)
    cross_entropy(model(torch.randn(8, 5))[0], torch.randint(0, 3, (8,))).backward()
    gates()
    scores = gates.scores()
    assert (scores["other.0"] == 0).all() and (scores["first"] > 0).any()
