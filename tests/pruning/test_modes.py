"""Modes inside a block, and all that is as before after it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import backends, nn

from paretoprune.pruning.modes import evaluating, full_precision, normalising_by_batch


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)
    model = nn.Sequential(*layers)
    model(torch.randn(8, 3) + 5)  # statistics that are not those of a new layer
    model[3].eval()
    return model


def modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


@pytest.mark.parametrize("fails", [False, True])
def test_modes_come_back_one_by_one(fails: bool) -> None:
    model, other = network(), network()
    before = modes(model)
    try:
        with evaluating(model, other):
            assert not any(modes(model)) and not any(modes(other))
            if fails:
                raise ValueError
    except ValueError:
        assert fails
    assert modes(model) == modes(other) == before == [True, True, True, True, False]


@pytest.mark.parametrize("fails", [False, True])
def test_batch_statistics_are_used_and_running_ones_are_kept(fails: bool) -> None:
    model, x = network(), torch.randn(16, 3)
    before, state = modes(model), copy.deepcopy(model.state_dict())
    try:
        with normalising_by_batch(model):
            assert modes(model) == [False, False, True, False, False]
            outputs = model[1](model[0](x))
            if fails:
                raise ValueError
    except ValueError:
        assert fails
    centred = outputs.detach() - model[1].bias.detach()
    torch.testing.assert_close(centred.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    assert modes(model) == before
    assert all(torch.equal(state[name], own) for name, own in model.state_dict().items())


def test_full_precision_is_set_inside_alone() -> None:
    before = backends.cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision
    with full_precision():
        assert backends.cudnn.conv.fp32_precision == "ieee"
        assert backends.cuda.matmul.fp32_precision == "ieee"
    assert (backends.cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision) == before
