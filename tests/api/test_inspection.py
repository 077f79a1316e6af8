"""`paretoprune.inspect`: groups of a network that exists, with what each could save."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import paretoprune
from paretoprune.errors import PruningError
from tests.kits.own_model import OwnNet

EXAMPLE = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_each_group_with_its_width_and_what_it_saves_at_most() -> None:
    model = OwnNet(8, num_classes=10, in_channels=1)
    found = paretoprune.inspect(model, EXAMPLE)
    assert found.groups["width"].tolist() == [8, 16]
    assert found.groups["layers"].map(len).min() >= 2
    assert found.params == sum(p.numel() for p in model.parameters())
    # Layers keep four channels: of the parameters 1-8-16-10 leaves 1-4-4-10.
    least = OwnNet(4, num_classes=10, in_channels=1)
    least.features[3], least.features[4] = nn.Conv2d(4, 4, 3, bias=False), nn.BatchNorm2d(4)
    least.classifier = nn.Linear(4, 10)
    assert found.least_params == sum(p.numel() for p in least.parameters())
    assert 0 < found.groups["params_saved"].max() < 1


def test_a_notebook_shows_the_groups_and_what_is_kept_whole() -> None:
    shown = paretoprune.inspect(OwnNet(8, 10), EXAMPLE)._repr_html_()
    assert "features.0" in shown
    assert "%" in shown


def test_a_network_that_cannot_be_run_is_reported() -> None:
    with pytest.raises(PruningError):
        paretoprune.inspect(OwnNet(8, 10, in_channels=3), EXAMPLE)
