"""The shift takes out what rounding does to means and variances, and nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from paretoprune.quantization.shift import shift_statistics
from paretoprune.quantization.weights import round_weights
from tests.quantization import nets


def divergence(model: nn.Module, other: nn.Module, inputs: Tensor) -> float:
    """Mean squared difference of the outputs over their variance."""
    with torch.inference_mode():
        expected = model(inputs)
        return float((other(inputs) - expected).square().mean() / expected.var())


@pytest.mark.parametrize("name", ["resnet", "vgg", "vgg_without_batchnorm", "mobilenet"])
def test_few_bits_need_it(name: str) -> None:
    model, inputs = nets.build(name), nets.images(256, seed=1)
    plain = divergence(model, round_weights(model, 3).model, inputs)
    shifted = divergence(model, round_weights(model, 3, nets.images(256)).model, inputs)
    assert shifted < 0.9 * plain


@pytest.mark.parametrize("name", nets.NAMES)
def test_equal_networks_are_not_changed(name: str) -> None:
    model = nets.build(name)
    same = copy.deepcopy(model)
    shift_statistics(same, model, nets.images(16))
    for key, tensor in model.state_dict().items():
        torch.testing.assert_close(same.state_dict()[key], tensor, rtol=1e-5, atol=1e-6)


def test_a_scaled_and_moved_layer_is_undone_exactly() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()).eval()
    other = copy.deepcopy(model)
    with torch.no_grad():
        other[0].weight.mul_(0.7)
        other[0].bias.add_(3)
    shift_statistics(other, model, nets.images(32))
    inputs = nets.images(8, seed=1)
    with torch.inference_mode():
        torch.testing.assert_close(other(inputs), model(inputs), rtol=1e-3, atol=1e-3)


def test_dead_channels_stay_finite() -> None:
    model = nets.build("resnet")
    with torch.no_grad():
        model.conv1.weight[0] = 0
    rounded = round_weights(model, 2, nets.images(16)).model
    assert all(t.isfinite().all() for t in rounded.state_dict().values())
