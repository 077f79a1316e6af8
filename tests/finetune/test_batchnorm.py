"""Recalibration against the closed form: averages of the batches' means and variances."""

from __future__ import annotations

import torch
from torch import nn

from paretoprune.finetune.batchnorm import recalibrate_batchnorm
from tests.finetune.nets import batches, tiny_net, weights


def test_statistics_are_the_averages_over_the_batches() -> None:
    inputs = [torch.randn(7, 3) * scale + scale for scale in (1.0, 2.0, 5.0)]
    norm = nn.BatchNorm1d(3, momentum=0.3)
    norm(torch.randn(4, 3))  # older statistics, to be forgotten
    recalibrate_batchnorm(norm, iter(inputs))
    mean = torch.stack([x.mean(0) for x in inputs]).mean(0)
    variance = torch.stack([x.var(0) for x in inputs]).mean(0)
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, variance)
    assert norm.momentum == 0.3
    assert norm.training


def test_it_sees_no_dropout_and_restores_the_modes() -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(2)).train()
    model[1].eval()
    x = torch.rand(50, 2)
    recalibrate_batchnorm(model, [x])
    torch.testing.assert_close(model[1].running_mean, x.mean(0))
    assert model[0].training and not model[1].training


def test_only_statistics_change() -> None:
    model = tiny_net()
    before = weights(model)
    recalibrate_batchnorm(model, [x for x, _ in batches(2)])
    changed = {name for name, tensor in weights(model).items() if not tensor.equal(before[name])}
    assert changed == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert all(parameter.grad is None for parameter in model.parameters())


def test_without_batches_or_without_batchnorm_nothing_changes() -> None:
    model = tiny_net()
    before = weights(model)
    recalibrate_batchnorm(model, [])
    assert all(tensor.equal(before[name]) for name, tensor in weights(model).items())
    calls: list[int] = []
    plain = nn.Linear(2, 2)
    plain.register_forward_pre_hook(lambda *_: calls.append(1))
    recalibrate_batchnorm(plain, [torch.rand(3, 2)])
    assert calls == []


def test_batchnorm_without_statistics_is_left_alone() -> None:
    recalibrate_batchnorm(nn.BatchNorm1d(2, track_running_stats=False), [torch.rand(3, 2)])
