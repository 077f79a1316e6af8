"""The range test: against steps of a plain optimizer, and where it ends."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.optimizer import make_optimizer
from paretoprune.finetune.range_test import losses_by_rate
from tests.finetune.nets import CPU, batches, tiny_net
from tests.kits.tasks import CLASSES

SETTINGS = FinetuneSettings(precision="32")


def found_at(rates: list[float], model: nn.Module) -> list[float]:
    return losses_by_rate(
        rates,
        model,
        CLASSES,
        train_loader=batches(3),
        settings=SETTINGS,
        seed=0,
        device=CPU,
        teacher=None,
    )


def test_it_is_the_mean_of_the_losses_of_plain_steps() -> None:
    rates, loader = [0.001, 0.003, 0.01, 0.03, 0.1], batches(3)
    model = copy.deepcopy(tiny_net()).train()
    optimizer = make_optimizer(model, SETTINGS)
    torch.manual_seed(0)
    losses, expected = [], []
    for step, rate in enumerate(rates):  # more steps than there are batches
        x, y = loader[step % 3]
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = cross_entropy(model(x), y)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
        weights = [0.9 ** (step - earlier) for earlier in range(step + 1)]
        mean = sum(w * one for w, one in zip(weights, losses, strict=True)) / sum(weights)
        expected.append(mean)
    assert found_at(rates, tiny_net()) == pytest.approx(expected, rel=1e-4)


def test_it_ends_where_the_loss_has_risen() -> None:
    rates = [0.01] * 15 + [1e4] * 50
    losses = found_at(rates, tiny_net())
    assert 15 < len(losses) < 40
    assert losses[-1] >= 1.5 * min(losses[10:]) or losses[-1] != losses[-1]
    assert all(loss < 1.5 * min(losses[10 : 10 + n]) for n, loss in enumerate(losses[10:-1], 1))


def test_the_callers_random_numbers_are_untouched() -> None:
    model = tiny_net()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    found_at([0.01, 0.02], model)
    assert torch.equal(torch.rand(3), expected)
