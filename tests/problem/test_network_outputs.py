"""Outputs as a part of a fingerprint: the same for the same network, none where they are random."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import WeightsError
from paretoprune.problem.network_outputs import outputs_of, refuse_not_finite, same_weights

INPUTS = torch.linspace(-1, 1, 12).reshape(4, 3)


class Drawn(nn.Module):
    """A network that adds numbers which it draws in every pass."""

    def __init__(self, draw: Callable[[], float]) -> None:
        super().__init__()
        self.draw = draw

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.draw()


def test_they_are_those_of_evaluation_mode_and_nothing_is_changed() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(0.5)).train()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    found = outputs_of(model, INPUTS)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    expected = model.eval()(INPUTS).flatten().tolist()
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: float(torch.rand(())),
        lambda: float(np.random.random()),
        lambda: float(np.random.default_rng().random()),
    ],
)
def test_random_outputs_say_nothing(draw: Callable[[], float]) -> None:
    assert outputs_of(Drawn(draw), INPUTS) is None


def test_several_outputs_count_as_one() -> None:
    class Pair(nn.Module):
        def forward(self, inputs: Tensor) -> dict[str, Tensor]:
            return {"logits": inputs, "classes": inputs.argmax(1), "states": 2 * inputs}

    assert outputs_of(Pair(), INPUTS) == (
        *(outputs_of(nn.Identity(), INPUTS) or ()),
        *(outputs_of(Doubled(), INPUTS) or ()),
    )


class Doubled(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return 2 * inputs


def test_what_is_no_number_says_nothing() -> None:
    class Classes(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs.argmax(1)

    assert outputs_of(Classes(), INPUTS) is None
    assert outputs_of(nn.Linear(4, 2), INPUTS) is None  # it cannot take such inputs


def test_an_activation_that_changed_shows() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(3, 3)
    one, other = (outputs_of(nn.Sequential(layer, act), INPUTS) for act in (nn.ReLU(), nn.GELU()))
    assert one is not None and one != other


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_named(value: float) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    refuse_not_finite(model)
    with torch.no_grad():
        model[0].weight[1, 1] = value
    with pytest.raises(WeightsError, match=r"NaN or infinite values, in 0\.weight"):
        refuse_not_finite(model)


def test_masks_may_be_infinite_and_running_means_not_nan() -> None:
    model = nn.BatchNorm1d(3)
    model.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    refuse_not_finite(model)
    assert model.running_mean is not None
    model.running_mean[0] = math.nan
    with pytest.raises(WeightsError, match="running_mean"):
        refuse_not_finite(model)


def test_lazy_layers_have_no_values_yet() -> None:
    refuse_not_finite(nn.Sequential(nn.LazyLinear(3)))


def test_weights_are_compared_to_the_bit() -> None:
    one = nn.Linear(3, 3)
    other = copy.deepcopy(one)
    assert same_weights(one, other)
    with torch.no_grad():
        other.bias[0] += 1e-6
    assert not same_weights(one, other)
