"""Fisher information: against gradients of single samples; what rounding costs by it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from paretoprune.errors import QuantizationError
from paretoprune.quantization import sensitivity
from paretoprune.quantization.sensitivity import damages, fisher_information
from paretoprune.quantization.weights import round_weights
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification
from tests.quantization import nets


def batch(count: int) -> TaskBatch:
    labels = torch.arange(count) % 5
    return TaskBatch(Classification(), (nets.images(count), labels))


def test_it_is_the_mean_of_squared_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "_CHUNK", 1)
    model, samples = nets.build("vgg").eval(), batch(6)
    found = fisher_information(model, samples)
    weight = model.get_parameter("classifier.3.weight")
    expected = torch.zeros_like(weight)
    for sample in samples.samples():
        expected += torch.autograd.grad(sample.loss(model), weight)[0].square() / 6
    assert torch.allclose(found["classifier.3.weight"], expected, rtol=1e-4)


def test_chunks_give_the_same_on_average() -> None:
    model, samples = nets.build("vgg").eval(), batch(128)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensitivity, "_CHUNK", 1)
        single = fisher_information(model, samples)
    chunked = fisher_information(model, samples)
    for name, values in single.items():
        assert 0.3 < float(chunked[name].sum() / values.sum()) < 4


def test_frozen_weights_count_and_stay_frozen() -> None:
    model = nets.build("vgg").train()
    model.requires_grad_(False)
    found = fisher_information(model, batch(4))
    assert all(values.sum() > 0 for values in found.values())
    assert model.training and not any(p.requires_grad for p in model.parameters())


def test_damage_is_the_weighted_squared_error_and_falls_with_bits() -> None:
    model = nets.build("resnet").eval()
    information = fisher_information(model, batch(8))
    found = damages(model, information, (8, 4, 2))
    rounded = round_weights(model, 4).model
    name = "layer1.0.conv1.weight"
    change = (rounded.get_parameter(name) - model.get_parameter(name)).detach()
    expected = float((information[name] * change.square()).sum()) / 2
    assert found[name][4] == pytest.approx(expected, rel=1e-5)
    assert all(one[8] < one[4] < one[2] for one in found.values())


def test_gradients_that_are_nan_are_refused() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
    samples = batch(4)
    samples.batch[0][0] = torch.nan
    with pytest.raises(QuantizationError, match=r"gradients of `1.weight` .* are NaN or infinite"):
        fisher_information(model, samples)
