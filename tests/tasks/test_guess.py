"""`task=auto`: the order of the guesses, and the message where there is none."""

from __future__ import annotations

import pytest
import torch

from paretoprune.errors import DataError
from paretoprune.tasks.guess import Auto, name_of
from paretoprune.tasks.interface import Batch

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
        Auto().choose((IMAGES, torch.rand(2, 5)), None)
    message = str(caught.value)
    assert "labels are torch.float32 of shape (2, 5); there are: language_model (" in message
    assert "; text_classification (" in message and "; classification (" in message


def test_a_model_may_ask_for_what_any_task_offers() -> None:
    assert {"num_classes", "in_channels", "vocab_size", "max_length"} <= set(Auto.offers)
