"""The number of parameters, with shared ones counted once and buffers not at all."""

from __future__ import annotations

from torch import nn

from paretoprune.measure.params import count_params


def test_closed_form() -> None:
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Linear(5, 2, bias=False))
    assert count_params(model) == (5 * 3 * 9 + 5) + 2 * 5 + 2 * 5


def test_a_shared_parameter_counts_once() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    assert count_params(model) == 16 + 4 + 4
