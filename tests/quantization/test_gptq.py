"""GPTQ: against a slow reference, better outputs than the nearest levels, on stored grids."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import QuantizationError
from paretoprune.quantization import gptq
from paretoprune.quantization.gptq import GROUP, round_in_order
from paretoprune.quantization.grid import grid_of
from paretoprune.quantization.weights import round_weights, weights_of
from paretoprune.tasks.inputs import Inputs
from tests.kits import families
from tests.quantization import nets


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def correlated(count: int, size: int) -> Tensor:
    """Inputs that depend on each other, for which compensation pays."""
    mix = torch.randn(size, size, generator=generator()) / size**0.5
    return torch.randn(count, size, generator=generator()) @ mix


def slow_reference(weight: Tensor, inputs: Tensor, bits: int) -> Tensor:
    """Levels by the optimal brain surgeon in its textbook form: invert again for each column."""
    moments = (inputs.T @ inputs).double()
    moments += torch.eye(len(moments)) * (0.01 * moments.diagonal().mean() + 1e-12)
    grid = grid_of("w", weight, bits)
    work, codes = weight.double().clone(), torch.zeros_like(weight)
    left = moments.diagonal().argsort(descending=True).tolist()
    while left:
        column, others = left[0], left
        inverse = torch.linalg.inv(moments[others][:, others])
        codes[:, column] = (work[:, column] / grid.steps).round().clamp(-grid.levels, grid.levels)
        error = (work[:, column] - codes[:, column] * grid.steps) / inverse[0, 0]
        work[:, others] -= error[:, None] * inverse[0]
        left = left[1:]
    return codes


@pytest.mark.parametrize("block", [128, 5])
def test_levels_are_those_of_the_optimal_brain_surgeon(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(gptq, "_BLOCK", block)
    model = nn.Linear(24, 6)
    inputs = correlated(200, 24)
    wanted = slow_reference(model.weight.detach(), inputs, 3)
    found = round_in_order(model, {"weight": 3}, Inputs((inputs,)))
    assert np.array_equal(found["weight"].codes, wanted.numpy())


@pytest.mark.parametrize("name", nets.NAMES)
@pytest.mark.parametrize("bits", [4, 2])
def test_outputs_are_nearer_than_with_the_nearest_levels(name: str, bits: int) -> None:
    model, samples = nets.build(name).eval(), nets.images(64)
    with torch.inference_mode():
        expected = model(samples)
        near = (round_weights(model, bits).model(samples) - expected).square().mean()
        found = round_weights(model, bits, samples)
        assert (found.model(samples) - expected).square().mean() < 0.8 * near


def test_the_model_holds_what_the_grids_give() -> None:
    model = nets.build("resnet").eval()
    found = round_weights(model, 3, nets.images(32))
    for name, weight in weights_of(found.model).items():
        assert torch.equal(weight.detach(), torch.from_numpy(found.weights[name].values)), name
        assert np.abs(found.weights[name].codes).max() <= 3


def test_zeros_of_a_pruned_weight_stay_zero() -> None:
    """Later columns compensate for earlier ones, but not where a weight was removed."""
    model = nets.build("resnet").eval()
    masks = {}
    with torch.no_grad():
        for name, weight in weights_of(model).items():
            masks[name] = torch.rand(weight.shape, generator=generator()) < 0.5
            weight.mul_(masks[name])
    found = round_weights(model, 3, nets.images(32))
    for name, mask in masks.items():
        assert not found.weights[name].codes[~mask.numpy()].any(), name


def test_weights_of_inputs_that_are_always_zero_are_rounded_as_they_are() -> None:
    model = nn.Linear(8, 3)
    inputs = correlated(64, 8)
    inputs[:, 5] = 0
    grid = grid_of("w", model.weight.detach(), 4)
    nearest = grid.at(model.weight.detach().double())[:, 5]
    found = round_in_order(model, {"weight": 4}, Inputs((inputs,)))
    assert np.array_equal(found["weight"].codes[:, 5], nearest.numpy())


def test_layers_over_sequences_have_steps_by_group() -> None:
    layer = nn.Linear(3 * GROUP, 5)
    with torch.no_grad():
        layer.weight[:, :GROUP] *= 100  # a scale of its own
    exact, inputs = copy.deepcopy(layer), torch.eye(3 * GROUP).view(3, GROUP, -1)
    found = round_in_order(layer, {"weight": 4}, Inputs((inputs,)))["weight"]
    assert found.scales.shape == (5 * 3,)
    others = (layer.weight - exact.weight)[:, GROUP:].detach()
    assert others.abs().mean() < 0.3 * exact.weight[:, GROUP:].abs().mean()
    plain = copy.deepcopy(exact)
    assert round_in_order(plain, {"weight": 8}, Inputs((inputs,)))["weight"].scales.shape == (5,)
    plain = copy.deepcopy(exact)
    rows = Inputs((inputs.flatten(0, 1),))
    assert round_in_order(plain, {"weight": 4}, rows)["weight"].scales.shape == (5,)


def test_a_transformer_is_rounded_by_groups() -> None:
    model = families.build("attention_torch").eval()
    found = round_weights(model, 4, nets.images(8))
    assert found.weights.keys() == weights_of(model).keys()


def test_bad_samples_are_refused() -> None:
    samples = nets.images(4)
    samples[1] = torch.nan
    with pytest.raises(QuantizationError, match="1 of 4 calibration samples hold NaN"):
        round_weights(nets.build("vgg"), 3, samples)
