"""Optimizers and schedules that the settings name by `_target_`."""

from __future__ import annotations

import pytest
from torch import nn
from torch.optim import SGD, Adagrad, Rprop

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.target import Target
from paretoprune.finetune.optimizer import make_optimizer, make_schedule


def settings(
    optimizer: str, scheduler: Target | None = None, **arguments: object
) -> FinetuneSettings:
    target = Target(path=f"torch.optim.{optimizer}", arguments=arguments)
    return FinetuneSettings(learning_rate=0.3, optimizer=target, lr_scheduler=scheduler)


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_it_gets_the_rate_the_options_and_decays_weights_alone() -> None:
    made = make_optimizer(net(), settings("Adagrad", eps=1e-3))
    assert isinstance(made, Adagrad)
    assert [group["weight_decay"] for group in made.param_groups] == [5e-4, 0.0]
    assert all(group["lr"] == 0.3 and group["eps"] == 1e-3 for group in made.param_groups)


def test_its_own_decay_holds_for_all_parameters() -> None:
    made = make_optimizer(net(), settings("Adagrad", weight_decay=0.1))
    assert [group["weight_decay"] for group in made.param_groups] == [0.1, 0.1]


def test_one_without_decay_gets_none() -> None:
    assert isinstance(make_optimizer(net(), settings("Rprop")), Rprop)


@pytest.mark.parametrize("name", ["CosineAnnealingLR", "LinearLR", "PolynomialLR"])
def test_a_schedule_spans_the_steps(name: str) -> None:
    arguments = {"end_factor": 0.0} if name == "LinearLR" else {}
    target = Target(path=f"torch.optim.lr_scheduler.{name}", arguments=arguments)
    optimizer = SGD(net().parameters(), lr=0.3)
    schedule = make_schedule(optimizer, settings("SGD", target), num_steps=10)
    rates = []
    for _ in range(10):
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == sorted(rates, reverse=True) and rates[4] > 0.04
    assert rates[-1] == pytest.approx(0, abs=1e-9)
