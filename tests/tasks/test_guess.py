"""`task=auto`: what is recognised, and one sentence for everything else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning import LightningModule
from torch import Tensor

from paretoprune.errors import DataError, SettingsError
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.guess import Auto

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
        ((X, torch.zeros(4, 3)), r"labels are torch.float32 of shape \(4, 3\)"),
        ((X, torch.zeros(4, 8, dtype=torch.int64)), r"torch.int64 of shape \(4, 8\)"),
        ((X, [{"boxes": X}]), "labels are a list of 1"),
        ((X,), "got a tuple of 1"),
        ({"x": X}, "got a dict with x"),
        (X, "got a Tensor"),
    ],
)
def test_other_batches_are_refused_with_the_tasks_that_there_are(batch: Any, found: str) -> None:
    with pytest.raises(DataError, match=f"{found}.*; there are: classification"):
        Auto().choose(batch, None)


def test_a_training_step_of_ones_own_is_never_ignored() -> None:
    with pytest.raises(SettingsError, match="Trained is a LightningModule with a training_step"):
        Auto().choose((X, torch.zeros(4, dtype=torch.int64)), Trained)
