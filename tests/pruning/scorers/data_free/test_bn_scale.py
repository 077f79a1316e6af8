"""BatchNorm scales, by hand; networks without BatchNorm are rejected."""

from __future__ import annotations

import pytest
import torch

from paretoprune.errors import PruningError
from paretoprune.pruning.scorers.data_free.bn_scale import BatchNormScale
from tests.kits.cases import make_case


def test_the_mean_over_the_layers_of_a_group(resnet) -> None:
    model = resnet.model
    scores = BatchNormScale()(model, resnet.groups)
    assert torch.equal(scores["layer1.0.conv1"], model.layer1[0].bn1.weight.detach().abs())
    stream = [model.bn1, model.layer1[0].bn2, model.layer1[1].bn2]
    expected = torch.stack([norm.weight.detach().abs() for norm in stream]).mean(0)
    assert torch.allclose(scores["conv1"], expected)


def test_concatenations_read_their_own_part() -> None:
    case = make_case("densenet")
    group = next(group for group in case.groups if group.name == "layers.1.conv")
    scores = BatchNormScale()(case.model, [group])
    assert torch.equal(scores["layers.1.conv"], case.model.norm.weight[12:].detach().abs())


def test_groups_without_batchnorm_are_rejected() -> None:
    case = make_case("vgg_without_batchnorm")
    with pytest.raises(PruningError, match=r"`features.0` \(3 of 3 groups pass no BatchNorm\)"):
        BatchNormScale()(case.model, case.groups)
