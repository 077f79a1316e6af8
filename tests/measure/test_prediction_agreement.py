"""Two models compared sample by sample, against counting by hand."""

from __future__ import annotations

import torch

from paretoprune.measure.prediction_agreement import compare_predictions
from paretoprune.measure.quality import Predictions


def said(*classes: int) -> torch.Tensor:
    """Logits that name these classes."""
    return torch.nn.functional.one_hot(torch.tensor(classes), 4).float()


def test_what_both_say_and_each_class_loses() -> None:
    labels = torch.tensor([0, 0, 1, 1, 1, 2])
    dense = Predictions(said(0, 0, 1, 1, 2, 0), labels)
    pruned = Predictions(said(0, 1, 1, 2, 1, 0), labels)
    found = compare_predictions(dense, pruned)
    assert found.agreement == 50.0
    assert (found.only_dense_right, found.only_pruned_right) == (2, 1)
    assert found.class_counts == (2, 3, 1, 0)
    assert found.dense_recall == (100.0, 100.0 * 2 / 3, 0.0, None)
    assert found.pruned_recall == (50.0, 100.0 * 2 / 3, 0.0, None)
