"""Random weights for questions of structure: no two rows alike, and statistics that fit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.random_copy import amplify, generic_copy, random_inputs
from paretoprune.tasks.inputs import inputs_of
from tests.kits import families, networks


def test_a_large_weight_has_no_two_rows_alike_and_the_usual_spread() -> None:
    model = nn.Linear(800, 1500)  # 1.2 million weights: more than are drawn
    weight = generic_copy(model, (torch.zeros(2, 800),), seed=0).model.weight.detach()
    assert len({row.numpy().tobytes() for row in weight}) == 1500
    assert abs(float(weight.std()) / (2 / 800) ** 0.5 - 1) < 0.01
    assert torch.linalg.matrix_rank(weight) == 800


def test_statistics_are_near_those_of_the_inputs_and_the_mode_is_evaluation() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    copy = generic_copy(model, (torch.zeros(2, 3, 8, 8),), seed=0)
    norm = copy.model[1]
    outputs = copy.model[0](*copy.inputs).detach()
    mean = outputs.mean((0, 2, 3))
    assert not norm.training and norm.momentum == 0.1
    assert 0 < float((norm.running_mean - mean).abs().max()) < 0.4


def test_one_value_for_each_channel_leaves_the_initial_statistics() -> None:
    class MeanOfSamples(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(0, keepdim=True)

    model = nn.Sequential(MeanOfSamples(), nn.BatchNorm1d(3))
    copy = generic_copy(model, (torch.zeros(2, 3),), seed=0)
    assert copy.model(*copy.inputs).shape == (1, 3)
    assert float(copy.model[1].running_mean.abs().max()) < 0.4


def test_a_small_weight_is_drawn_with_the_gain() -> None:
    model = nn.Linear(64, 200)
    nn.init.zeros_(model.weight)
    for gain in (1.0, 0.3):
        weight = generic_copy(model, (torch.zeros(2, 64),), seed=0, gain=gain).model.weight.detach()
        assert abs(float(weight.std()) / (gain * (2 / 64) ** 0.5) - 1) < 0.03


def test_what_was_worked_out_from_the_weights_is_worked_out_anew() -> None:
    model = networks.lively(families.Transformer(families.Biased()))
    model(networks.example())
    copy = generic_copy(model, (networks.example(),), seed=0)
    attention = copy.model.attention
    for _ in range(2):
        copy.model(*copy.inputs)
        biases = attention.attention_biases.detach()
        assert torch.equal(attention.cache["bias"][:, 0], biases)
        amplify(copy, 2.0, seed=0)


def test_inputs_are_two_samples_of_the_examples_shape_with_the_types_of_others() -> None:
    like = inputs_of((torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2, 4).long()))
    values, ids = random_inputs(like, (torch.zeros(5, 3), torch.arange(4).reshape(1, 4)))
    assert values.shape == (2, 3) and values.dtype == torch.float64
    assert float(values.std()) > 0.1
    assert torch.equal(ids, torch.arange(4).expand(2, 4))


def test_scales_lie_around_one_and_biases_around_zero() -> None:
    model = nn.Sequential(nn.Linear(3, 2000), nn.LayerNorm(2000))
    norm = generic_copy(model, (torch.zeros(2, 3),), seed=0).model[1]
    scales, biases = norm.weight.detach(), norm.bias.detach()
    assert 0.5 <= float(scales.min()) < 0.52 and 1.48 < float(scales.max()) <= 1.5
    assert abs(float(biases.std()) - 0.3) < 0.02 and abs(float(biases.mean())) < 0.03


def test_statistics_lie_off_those_of_the_batch_by_a_tenth() -> None:
    """Noise of a deviation of a tenth in the mean; of about a fifth in the variance, plus .1."""
    model = nn.Sequential(nn.Linear(3, 3000), nn.BatchNorm1d(3000))
    copy = generic_copy(model, (torch.zeros(2, 3),), seed=0)
    outputs, norm = copy.model[0](*copy.inputs).detach(), copy.model[1]
    off = norm.running_mean - outputs.mean(0)
    assert abs(float(off.std()) - 0.1) < 0.005 and abs(float(off.mean())) < 0.01
    ratio = (norm.running_var - 0.1) / outputs.var(0)
    assert 0.8 <= float(ratio.min()) < 0.85 and 1.15 < float(ratio.max()) <= 1.2001


def test_samples_of_a_list_have_their_own_values_and_sizes() -> None:
    images = [torch.zeros(3, 4, 5), torch.zeros(3, 6, 2), torch.zeros(3, 1, 1)]
    drawn = list(random_inputs(inputs_of(([*images],)), ([*images],)))
    assert [tuple(one.shape) for one in drawn] == [(3, 4, 5), (3, 6, 2)]
    assert all(0.5 < float(one.std()) < 1.5 for one in drawn)


@pytest.mark.parametrize("error", [ValueError, RuntimeError])
def test_a_network_that_does_not_run_is_named_with_and_without_batchnorm(
    error: type[Exception],
) -> None:
    """A `ValueError` is what BatchNorm raises for a single value of a channel."""

    class Broken(nn.Module):
        def __init__(self, *layers: nn.Module) -> None:
            super().__init__()
            self.layers = nn.Sequential(*layers)

        def forward(self, x: Tensor) -> Tensor:
            raise error("of its own")

    for layers in ([], [nn.BatchNorm1d(3)]):
        with pytest.raises(PruningError, match="of its own"):
            generic_copy(Broken(nn.Linear(3, 3), *layers), (torch.zeros(2, 3),), seed=0)
