"""Norms of channels, checked against sums written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from tests.kits import networks


def test_by_hand() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, -2.0], [3.0, 0.0]]))
        model[0].bias.fill_(100.0)  # biases do not count
        model[2].weight.copy_(torch.tensor([[-2.0, 4.0]]))
    groups = find_groups(model, torch.randn(1, 2)).prunable
    assert Magnitude(1)(model, groups)["0"].tolist() == [5.0, 7.0]
    assert Magnitude(2)(model, groups)["0"].tolist() == [3.0, 5.0]


@pytest.mark.parametrize("p", [1, 2])
def test_a_flatten_and_batchnorm(vgg, p: int) -> None:
    score = Magnitude(p)(vgg.model, vgg.groups)["features.4"]
    conv, linear = vgg.model.features[4].weight, vgg.model.classifier[0].weight
    for channel in range(12):
        own = torch.cat(
            [conv[channel].flatten(), linear[:, 4 * channel : 4 * channel + 4].flatten()]
        )
        assert score[channel] == pytest.approx(
            float(own.detach().abs().pow(p).sum() ** (1 / p)), rel=1e-5
        )


def test_zeroed_channels_score_zero(resnet) -> None:
    model = networks.build("resnet")
    group = resnet.groups[0]
    with torch.no_grad():
        for slot in group.slots:
            tensor = model.state_dict()[slot.tensor]
            tensor.index_fill_(slot.dim, torch.tensor(slot.positions[5]), 0)
    score = Magnitude(1)(model, resnet.groups)[group.name]
    assert score.argmin() == 5 and score[5] == 0
