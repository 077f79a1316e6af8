"""`optimizer=auto` is AdamW for networks and tasks that need it, at a rate for AdamW."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from paretoprune.config.load import load_settings
from paretoprune.models.samples.autoencoder import autoencoder
from paretoprune.models.text.gpt import gpt
from paretoprune.models.text.lstm import lstm_classifier
from paretoprune.problem.optimizers import needs_adamw, with_optimizers
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.interface import Task
from paretoprune.tasks.numbers.reconstruction import Reconstruction
from paretoprune.tasks.numbers.regression import Regression
from tests.config.test_load import composed
from tests.finetune.nets import tiny_net


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (tiny_net(), False),
        (autoencoder(), False),
        (lstm_classifier(), True),
        (gpt(), True),
        (nn.Sequential(nn.GRUCell(3, 3)), True),
    ],
)
def test_recurrent_networks_and_transformers_need_adamw(model: nn.Module, expected: bool) -> None:
    assert needs_adamw(model) is expected


def chosen(task: Task, model: nn.Module, **training: Any) -> tuple[str, str, float]:
    """Return the optimizers of trials and of the dense model, and the latter's rate."""
    settings = load_settings(composed())
    train = replace(settings.model.train, **training)
    settings = replace(settings, model=replace(settings.model, train=train))
    found = with_optimizers(settings, task, model)
    return found.finetune.optimizer, found.model.train.optimizer, found.model.train.learning_rate


def test_what_suits_task_and_network_is_left() -> None:
    assert chosen(Classification(), tiny_net(), learning_rate=0.1) == ("auto", "auto", 0.1)


def test_a_network_may_need_what_its_task_does_not() -> None:
    found = chosen(Classification(), lstm_classifier(), learning_rate=0.1)
    assert found == ("adamw", "adamw", 0.0033)


def test_a_task_of_adamw_does_not_begin_at_the_rate_of_sgd() -> None:
    assert chosen(Reconstruction(), autoencoder(), learning_rate=0.1) == ("auto", "auto", 0.0033)
    assert chosen(Reconstruction(), autoencoder(), learning_rate=0.01)[2] == 0.01


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_what_the_user_names_is_kept(optimizer: str) -> None:
    found = chosen(Classification(), gpt(), optimizer=optimizer, learning_rate=0.1)
    assert found[1:] == (optimizer, 0.1)


def test_squared_errors_do_not_begin_at_a_rate_for_cross_entropy() -> None:
    assert chosen(Regression(), tiny_net(), learning_rate=0.1) == ("auto", "auto", 0.02)
    assert chosen(Regression(), tiny_net(), learning_rate=0.01)[2] == 0.01
    assert chosen(Regression(), tiny_net(), optimizer="sgd", learning_rate=0.1)[2] == 0.1
