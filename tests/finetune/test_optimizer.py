"""The one-cycle schedule reaches its peak exactly, for every number of steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.module import FinetuneModule
from paretoprune.finetune.optimizer import make_optimizer, make_schedule
from paretoprune.tasks.classification import Classification
from tests.finetune.nets import tiny_net


def rates(num_steps: int, warmup: float) -> list[float]:
    settings = FinetuneSettings(learning_rate=0.4, warmup=warmup)
    optimizer = make_optimizer(torch.nn.Linear(1, 1), settings)
    schedule = make_schedule(optimizer, settings, num_steps=num_steps)
    result = []
    for _ in range(num_steps):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return result


@given(num_steps=st.integers(2, 60), warmup=st.floats(0.01, 0.99))
def test_it_rises_to_the_peak_and_falls(num_steps: int, warmup: float) -> None:
    values = rates(num_steps, warmup)
    peak = values.index(max(values))
    assert values[peak] == pytest.approx(0.4)
    assert abs(peak - warmup * (num_steps - 1)) <= 1.5
    assert values[: peak + 1] == sorted(values[: peak + 1])
    assert values[peak:] == sorted(values[peak:], reverse=True)
    assert values[0] == pytest.approx(0.4 / 25)


def test_the_last_step_has_next_to_no_rate() -> None:
    assert rates(50, 0.3)[-1] == pytest.approx(0.4 / 25 / 1e4)


def test_one_step_works() -> None:
    assert rates(1, 0.3) == [pytest.approx(0.4 / 25)]


def test_weight_decay_is_for_weights_alone() -> None:
    optimizer = make_optimizer(tiny_net(), FinetuneSettings(weight_decay=0.1))
    decayed, others = optimizer.param_groups
    assert {tuple(p.shape) for p in decayed["params"]} == {(8, 2, 3, 3), (6, 8, 1, 1), (3, 6)}
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert all(p.ndim == 1 for p in others["params"]) and len(others["params"]) == 4


def test_no_momentum_means_no_nesterov() -> None:
    optimizer = make_optimizer(tiny_net(), FinetuneSettings(momentum=0.0))
    assert not optimizer.param_groups[0]["nesterov"]


@pytest.mark.parametrize(
    ("setting", "usual", "expected"),
    [
        ("auto", "sgd", torch.optim.SGD),
        ("auto", "adamw", torch.optim.AdamW),
        ("sgd", "adamw", torch.optim.SGD),
        ("adamw", "sgd", torch.optim.AdamW),
    ],
)
def test_auto_is_what_suits_the_task(setting: Any, usual: str, expected: type) -> None:
    optimizer = make_optimizer(tiny_net(), FinetuneSettings(optimizer=setting), usual=usual)
    assert type(optimizer) is expected
    assert [group["weight_decay"] for group in optimizer.param_groups] == [5e-4, 0.0]


def test_momentum_is_the_first_beta_of_adamw() -> None:
    settings = FinetuneSettings(optimizer="adamw", momentum=0.8)
    [first, _] = make_optimizer(tiny_net(), settings).param_groups
    assert first["betas"] == (0.8, 0.999)


def test_a_fit_takes_the_optimizer_of_its_task() -> None:
    class Text(Classification):
        optimizer = "adamw"

    for task, expected in ((Classification(), torch.optim.SGD), (Text(), torch.optim.AdamW)):
        settings = FinetuneSettings()
        module = FinetuneModule(
            tiny_net(), task, settings, num_steps=3, bfloat16=False, teacher=None
        )
        assert type(module.configure_optimizers()) is expected
