"""`task=auto`: what is recognised, and one sentence for everything else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning import LightningModule
from torch import Tensor

from paretoprune.errors import DataError
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.guess import Auto, name_of
from paretoprune.tasks.interface import Batch
from paretoprune.tasks.own.lightning import Lightning

X = torch.rand(4, 2)


class Trained(LightningModule):
    def training_step(self, batch: Any, index: int) -> Tensor:
        return torch.zeros(())


class Plain(LightningModule):
    pass


def test_class_numbers_are_classification() -> None:
    task, reason = Auto().choose((X, torch.zeros(4, dtype=torch.int64)), Plain)
    assert task == Classification()
    assert reason == "labels are int64 of (4,)"


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        ((X, torch.zeros(4, 3, dtype=torch.int64)), r"torch.int64 of shape \(4, 3\)"),
        ((X, torch.zeros(4, dtype=torch.int32)), r"must be int64: write `labels\.long\(\)`"),
        ((X, [{"boxes": X}]), "labels are a list of 1"),
        ((X, X, X), "got a tuple of 3"),
        ({"x": X}, "got a dict with x"),
        (X, "got a Tensor"),
    ],
)
def test_other_batches_are_refused_with_the_tasks_that_there_are(batch: Any, found: str) -> None:
    with pytest.raises(DataError, match=f"{found}.*; there are: .*classification"):
        Auto().choose(batch, None)


IDS = torch.tensor([[3, 1, 2], [5, 6, 2]])
IMAGES = torch.rand(2, 1, 4, 4)
LABELS = torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("batch", "name"),
    [
        ((IMAGES, LABELS), "classification"),
        ((torch.tensor([3, 4]), LABELS), "classification"),
        ((IDS, LABELS), "text_classification"),
        ((IDS, IDS), "language_model"),
        (IDS, "language_model"),
    ],
)
def test_batches_tell_their_task(batch: Batch, name: str) -> None:
    assert name_of(Auto().choose(batch, None)[0]) == name


def test_the_tasks_are_listed_where_none_fits() -> None:
    with pytest.raises(DataError) as caught:
        Auto().choose((IMAGES, [{"boxes": IMAGES}]), None)
    message = str(caught.value)
    assert "labels are a list of 1; there are: " in message
    assert all(f"{name} (" in message for name in ("language_model", "text_classification"))


def test_a_model_may_ask_for_what_any_task_offers() -> None:
    assert {"num_classes", "in_channels", "vocab_size", "max_length"} <= set(Auto.offers)


def test_a_lightning_module_with_a_training_step_is_its_own_task() -> None:
    task, reason = Auto().choose((X, torch.zeros(4, dtype=torch.int64)), Trained)
    assert task == Lightning()
    assert reason == "Trained has a training_step of its own"
