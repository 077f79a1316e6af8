"""Errors by layer: exact on a formula, own and accumulated apart, ranges and sums counted."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from paretoprune.numerics import MOST_DB, LayerError
from paretoprune.quantization.integers import integer_module
from paretoprune.quantization.layer_errors import errors_of_module, errors_of_weights
from paretoprune.quantization.weights import round_weights
from paretoprune.tasks.inputs import Inputs
from tests.kits import families
from tests.quantization import nets


def named(errors: list[LayerError]) -> dict[str, LayerError]:
    return {one.layer: one for one in errors}


def decibels(signal: Tensor, noise: Tensor) -> float:
    return 10 * math.log10(float(signal.square().sum() / noise.square().sum()))


def two_layers() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).eval()


@torch.no_grad()
def test_errors_of_rounded_weights_are_those_of_the_formula() -> None:
    model, x = two_layers(), torch.randn(40, 8, generator=torch.Generator().manual_seed(1))
    rounded = round_weights(model, 4)
    found = named(errors_of_weights(rounded, model, Inputs((x,))))
    exact, other = model[0](x), rounded.model[0](x)
    assert found["0"].own_db == found["0"].accumulated_db
    assert found["0"].own_db == pytest.approx(decibels(exact, other - exact))
    assert found["0"].input_db == MOST_DB
    own = rounded.model[2](exact.relu()) - model(x)
    assert found["2"].own_db == pytest.approx(decibels(model(x), own), abs=1e-3)
    accumulated = rounded.model(x) - model(x)
    assert found["2"].accumulated_db == pytest.approx(decibels(model(x), accumulated), abs=1e-3)
    assert found["2"].input_db == pytest.approx(
        decibels(exact.relu(), other.relu() - exact.relu()), abs=1e-3
    )
    assert (found["0"].bits, found["0"].size_bytes) == (4, 8 * 16 // 2)
    crest = float(x.abs().max() / x.square().mean().sqrt())
    assert found["0"].crest == pytest.approx(crest, rel=1e-5)


@pytest.mark.parametrize("name", nets.NAMES)
def test_each_layer_of_an_integer_module_has_errors(name: str) -> None:
    """Behind BatchNorm both compute the same up to 8 bits: the layers are paired rightly."""
    model = nets.build(name).eval()
    module = integer_module(model, nets.images(64))
    errors = errors_of_module(module, model, Inputs((nets.images(32, seed=1),)))
    layers = [path for path, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert [one.layer for one in errors] == layers
    assert all(25 < one.own_db < 60 and 20 < one.accumulated_db < 60 for one in errors)
    assert all(one.bits == 8 and one.saturated < 1 for one in errors)
    first = errors[0]
    assert first.own_db == pytest.approx(first.accumulated_db, abs=1e-6)


def test_fewer_bits_give_larger_errors() -> None:
    model, x = nets.build("resnet").eval(), Inputs((nets.images(16, seed=1),))
    means = []
    for bits in (8, 4, 2):
        errors = errors_of_weights(round_weights(model, bits, nets.images(64)), model, x)
        means.append(sum(one.accumulated_db for one in errors) / len(errors))
    assert means == sorted(means, reverse=True) and means[0] > means[1] + 12


def test_values_beyond_the_calibrated_range_are_counted() -> None:
    """Calibrated on half the range of uniform samples, about half of the values saturate."""
    model, uniform = two_layers(), torch.Generator().manual_seed(2)
    seen = torch.rand(256, 8, generator=uniform) * 2 - 1
    module = integer_module(model, seen)
    found = named(errors_of_module(module, model, Inputs((2 * seen[:64],))))
    assert found["0"].saturated == pytest.approx(50, abs=8)
    assert named(errors_of_module(module, model, Inputs((seen,))))["0"].saturated == 0


def test_bounds_of_sums_in_integers_hold_for_the_largest_codes() -> None:
    model = two_layers()
    with torch.no_grad():
        model[0].weight.fill_(1.0)  # every code is 127
    module = integer_module(model, torch.rand(64, 8))
    found = named(errors_of_module(module, model, Inputs((torch.rand(8, 8),))))
    assert found["0"].largest_sum == 255 * 127 * 8
    assert found["0"].largest_pair == 255 * 127 * 2


def test_one_outlier_shows_in_the_crest() -> None:
    model, x = two_layers(), torch.full((32, 8), 0.01)
    x[3, 2] = 100.0
    found = named(errors_of_module(integer_module(model, x), model, Inputs((x,))))
    assert found["0"].crest == pytest.approx(16, abs=0.1)  # the root of 256 values
    assert found["0"].own_db < 60


@pytest.mark.parametrize("name", ["attention_torch", "squeeze_excite", "convnext"])
def test_other_networks_have_errors_as_well(name: str) -> None:
    model = families.build(name).eval()
    before = copy.deepcopy(model.state_dict())
    inputs = Inputs((nets.images(8, seed=1),))
    integer = integer_module(model, nets.images(64))
    assert len(errors_of_module(integer, model, inputs)) > 3
    assert len(errors_of_weights(round_weights(model, 8), model, inputs)) > 3
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
