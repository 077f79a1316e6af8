"""Classification: the loss, the distance and the trivial predictor by hand, and the kit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification
from paretoprune.testing import check_task

TASK = Classification()
CLASSES = 7


class TwoInputs(nn.Module):
    """Token ids and their mask, to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        weights = mask.unsqueeze(2).float()
        tokens = self.embedding(ids) * weights
        logits: Tensor = self.head(tokens.sum(1) / weights.sum(1).clamp_min(1))
        return logits


def images(size: int) -> Any:
    return torch.randn(size, 3, 4, 4), torch.arange(size) % CLASSES


def tokens(size: int) -> Any:
    ids = torch.randint(11, (size, 5))
    return [[ids, torch.ones(size, 5)], torch.arange(size) % CLASSES]


def keywords(size: int) -> Any:
    (ids, mask), labels = tokens(size)
    return {"ids": ids, "mask": mask, "labels": labels}


@pytest.mark.parametrize(
    ("make", "build"),
    [
        (images, lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, CLASSES))),
        (tokens, TwoInputs),
        (keywords, TwoInputs),
    ],
)
@pytest.mark.parametrize("sizes", [(8, 8), (8, 3), (5, 1)])
def test_the_kit(
    make: Callable[[int], Any], build: Callable[[], nn.Module], sizes: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    check_task(TASK, build(), [make(size) for size in sizes])


def test_the_loss_is_that_of_a_plain_loop() -> None:
    torch.manual_seed(0)
    model, (x, y) = nn.Sequential(nn.Flatten(), nn.Linear(48, CLASSES)), images(9)
    assert torch.equal(TASK.loss(model, (x, y)), cross_entropy(model(x), y))
    torch.testing.assert_close(TASK.losses(model(x), y).mean(), cross_entropy(model(x), y))


def test_the_distance_is_hintons_formula() -> None:
    student, teacher = np.random.default_rng(0).normal(size=(2, 5, 4)) * 3

    def softmax(logits: np.ndarray) -> np.ndarray:
        powers = np.exp(logits)
        return powers / powers.sum(1, keepdims=True)

    p, q = softmax(teacher / 2.5), softmax(student / 2.5)
    expected = 2.5**2 * (p * np.log(p / q)).sum(1).mean()
    found = TASK.distance(torch.tensor(student), torch.tensor(teacher), None, temperature=2.5)
    assert found.item() == pytest.approx(expected)


def test_the_trivial_predictor_knows_the_training_labels_alone() -> None:
    train = [(torch.zeros(4, 1), torch.tensor([0, 0, 0, 1]))]
    validation = [(torch.zeros(4, 1), torch.tensor([0, 1, 1, 1]))]
    found = TASK.trivial(train, validation)
    assert found is not None and found["accuracy"] == 25.0
    shares = np.array([4 / 6, 2 / 6])
    assert found["loss"] == pytest.approx(-np.log(shares[[0, 1, 1, 1]]).mean())


def test_samples_of_a_nested_list_are_taken_together() -> None:
    (ids, _mask), labels = batch = tokens(2)  # as many samples as arguments
    part = TaskBatch(TASK, batch)[1:]
    assert torch.equal(part.inputs.args[0], ids[1:]) and torch.equal(part.batch[1], labels[1:])
