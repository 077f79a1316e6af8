"""Several labels: loss, metrics and the trivial predictor by hand, wrong batches, and the kit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score
from torch import nn
from torch.distributions import Bernoulli, kl_divergence
from torch.nn.functional import binary_cross_entropy

from paretoprune.errors import DataError
from paretoprune.tasks.guess import Auto
from paretoprune.tasks.multi_label import MultiLabel
from paretoprune.testing import check_task

TASK = MultiLabel()
LABELS = 3


def batch(size: int, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(size, 4, generator=generator)
    return x, (torch.rand(size, LABELS, generator=generator) < 0.4).float()


@pytest.mark.parametrize("sizes", [(8, 8), (8, 3), (5, 1)])
def test_the_kit(sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    batches = [batch(size, seed) for seed, size in enumerate(sizes)]
    batches[0][1][0] = 1.0  # every label occurs
    check_task(TASK, nn.Linear(4, LABELS), batches)


def test_loss_and_metrics_are_those_of_scikit_learn() -> None:
    torch.manual_seed(0)
    x, y = given = batch(40)
    logits = nn.Linear(4, LABELS)(x).detach() / 10  # all within 0 to 1 as a probability might be
    meter = TASK.meter(torch.device("cpu"))
    meter.update(logits, given)
    found, predicted = meter.compute(), logits > 0
    assert found["f1_macro"] == pytest.approx(100 * f1_score(y, predicted, average="macro"))
    assert found["f1_micro"] == pytest.approx(100 * f1_score(y, predicted, average="micro"))
    precision = average_precision_score(y, logits.sigmoid(), average="macro")
    assert found["mean_average_precision"] == pytest.approx(100 * precision)
    assert found["loss"] == pytest.approx(binary_cross_entropy(logits.sigmoid(), y).item())


def test_the_distance_is_the_divergence_of_bernoulli_variables() -> None:
    student, teacher = torch.randn(2, 5, LABELS, generator=torch.Generator().manual_seed(0))
    expected = kl_divergence(Bernoulli(logits=teacher / 2), Bernoulli(logits=student / 2)).mean()
    found = TASK.distance(student, teacher, None, temperature=2.0)
    torch.testing.assert_close(found, 4 * expected)


def test_the_trivial_predictor_knows_the_training_labels_alone() -> None:
    train, validation = batch(50, 1), batch(40, 2)
    found = TASK.trivial([train], [validation])
    shares = (train[1].sum(0).numpy() + 1) / 52
    y = validation[1].numpy()
    everything = np.ones_like(y)
    assert found is not None and (shares < 0.5).all()
    assert found["f1_macro"] == pytest.approx(100 * f1_score(y, everything, average="macro"))
    assert found["mean_average_precision"] == pytest.approx(100 * y.mean(0).mean())
    expected = -(y * np.log(shares) + (1 - y) * np.log(1 - shares)).mean()
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_auto_recognises_zeros_and_ones() -> None:
    task, reason = Auto().choose(batch(4), None)
    assert task == TASK and reason == "labels are 0 or 1 of (4, 3)"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ((torch.zeros(2, 4), torch.tensor([[0.0, 2.0], [1.0, 0.0]])), "must be 0 or 1, got 0.0 to"),
        ((torch.zeros(2, 4), torch.zeros(2)), r"of shape \(2, labels\), got \(2,\)"),
        ((torch.zeros(2, 4), torch.zeros(2, 5)), r"as many labels, got \[3, 5\]"),
        (torch.zeros(2, 4), "batches must be .inputs, labels., got a Tensor"),
    ],
)
def test_wrong_batches_are_refused_in_a_sentence(wrong: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        TASK.fitted({"train": [batch(4)], "validation": [wrong], "test": None})
