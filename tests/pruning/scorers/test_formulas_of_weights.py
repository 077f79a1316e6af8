"""Scorers that read nothing but weights, against their formulas written out slowly."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.scorers.data_free.cosine import Cosine
from paretoprune.pruning.scorers.data_free.fpgm import Fpgm
from paretoprune.pruning.scorers.data_free.lamp import Lamp
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude


def test_fpgm_is_every_pair_written_out(vgg) -> None:
    weight = vgg.model.features[4].weight.detach().double()
    expected = [
        sum(math.dist(one.flatten().tolist(), other.flatten().tolist()) for other in weight)
        for one in weight
    ]
    scores = Fpgm()(vgg.model, vgg.groups)["features.4"]
    assert scores.tolist() == pytest.approx(expected, rel=1e-5)


def test_fpgm_gives_a_filter_in_the_middle_the_least() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.0, 10.0], [3.0, 10.0], [7.0, 10.0]]))
    groups = find_groups(model, torch.randn(2, 2)).prunable
    assert Fpgm()(model, groups)["0"].tolist() == pytest.approx([10.0, 7.0, 11.0])


def test_lamp_by_hand() -> None:
    model = nn.Sequential(nn.Linear(1, 4, bias=False), nn.ReLU(), nn.Linear(4, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [2.0], [0.0], [1.0]]))
        model[2].weight.zero_()
    groups = find_groups(model, torch.randn(2, 1)).prunable
    # Squares 1 4 0 1: the last of the equal ones has the first of them beside it.
    assert Lamp()(model, groups)["0"].tolist() == pytest.approx([1 / 5, 1.0, 0.0, 1 / 6])


def test_lamp_has_the_order_of_the_magnitude(case) -> None:
    lamp, magnitude = Lamp()(case.model, case.groups), Magnitude(2)(case.model, case.groups)
    for name, score in lamp.items():
        assert torch.equal(score.argsort(stable=True), magnitude[name].argsort(stable=True))
        assert float(score.max()) == 1


def test_cosine_by_hand() -> None:
    model = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 1))
    with torch.no_grad():
        model[0].weight.copy_(
            torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 0.0], [-0.1, -0.1]])
        )
    groups = find_groups(model, torch.randn(2, 2)).prunable
    # A weaker copy, the strongest, a right angle, nothing, and one that is unlike all others.
    expected = [0.0, 2.0, 1.0, 0.0, 1 + math.sqrt(0.5)]
    assert Cosine()(model, groups)["0"].tolist() == pytest.approx(expected, abs=1e-6)


def test_cosine_is_every_pair_written_out(vgg) -> None:
    rows = vgg.model.features[4].weight.detach().double().flatten(1)
    scores = Cosine()(vgg.model, vgg.groups)["features.4"]
    for one in range(12):
        stronger = [other for other in range(12) if rows[other].norm() > rows[one].norm()]
        similar = [
            float(rows[one] @ rows[other] / rows[one].norm() / rows[other].norm())
            for other in stronger
        ]
        assert float(scores[one]) == pytest.approx(1 - max(similar, default=-1), rel=1e-5)
