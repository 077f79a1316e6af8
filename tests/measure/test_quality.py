"""Quality against numbers computed by hand in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import DataError
from paretoprune.measure.quality import Predictions, measure_quality, predict
from paretoprune.tasks.inputs import Keyed
from tests.kits.tasks import CLASSES

CPU = torch.device("cpu")


def batches_of(logits: np.ndarray, labels: np.ndarray, size: int) -> list[tuple[Tensor, Tensor]]:
    """The logits themselves are the inputs: the model under test is the identity."""
    x, y = torch.tensor(logits, dtype=torch.float32), torch.tensor(labels)
    return list(zip(x.split(size), y.split(size), strict=True))


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def macro(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1, averaged over the classes that occur."""
    predicted, rows = logits.argmax(1), []
    for c in np.union1d(predicted, labels):
        hits = np.sum((predicted == c) & (labels == c))
        precision = hits / max(np.sum(predicted == c), 1)
        recall = hits / max(np.sum(labels == c), 1)
        total = precision + recall
        rows.append((precision, recall, 2 * precision * recall / total if total else 0.0))
    return tuple(100 * np.mean(rows, axis=0))  # type: ignore[return-value]


def calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """Guo et al. 2017, equation 3, with 15 bins."""
    confidence, right = softmax(logits).max(1), logits.argmax(1) == labels
    bins = np.minimum((confidence * 15).astype(int), 14)
    gaps = [
        np.sum(bins == b) * abs(right[bins == b].mean() - confidence[bins == b].mean())
        for b in np.unique(bins)
    ]
    return 100 * sum(gaps) / len(labels)


@pytest.mark.parametrize(
    ("num_classes", "scale"), [(3, 2.0), (10, 1.0), (7, 0.01), (5, 1.0), (6, 1.0)]
)
def test_all_numbers_by_hand(num_classes: int, scale: float) -> None:
    random = np.random.default_rng(num_classes)
    logits = random.normal(size=(200, num_classes)) * scale
    labels = random.integers(num_classes - 1, size=200)  # the last class has no samples
    logits[np.arange(200), labels] += scale
    quality = measure_quality(CLASSES, nn.Identity(), batches_of(logits, labels, 64), device=CPU)
    precision, recall, f1 = macro(logits, labels)
    assert quality["accuracy"] == pytest.approx(100 * np.mean(logits.argmax(1) == labels))
    assert quality["precision"] == pytest.approx(precision)
    assert quality["recall"] == pytest.approx(recall)
    assert quality["f1"] == pytest.approx(f1)
    loss = -np.log(softmax(logits)[np.arange(200), labels]).mean()
    assert quality["loss"] == pytest.approx(loss, rel=1e-5)
    assert quality["calibration_error"] == pytest.approx(
        calibration_error(logits, labels), rel=1e-4
    )
    ranks = (logits > logits[np.arange(200), labels][:, None]).sum(1)
    top5 = 100 * np.mean(ranks < 5) if num_classes > 5 else None
    assert quality.get("top5_accuracy") == (None if top5 is None else pytest.approx(top5))


def test_logits_between_zero_and_one_are_no_probabilities() -> None:
    logits = np.array([[0.9, 0.1], [0.2, 0.8]])
    quality = measure_quality(
        CLASSES, nn.Identity(), batches_of(logits, np.array([0, 1]), 1), device=CPU
    )
    expected = 100 * (1 - softmax(logits).max(1).mean())
    assert quality["calibration_error"] == pytest.approx(expected, rel=1e-5)


def test_a_batch_may_carry_keys_and_modes_are_restored() -> None:
    model = nn.Sequential(nn.Dropout(0.9), nn.Identity()).train()
    model[1].eval()
    x, y = torch.eye(3) * 5, torch.arange(3)
    quality = measure_quality(CLASSES, model, [Keyed((x, y), torch.arange(3))], device=CPU)
    assert quality["accuracy"] == 100.0
    assert model.training and model[0].training and not model[1].training


def test_no_data_are_reported() -> None:
    with pytest.raises(DataError, match="no batches"):
        measure_quality(CLASSES, nn.Identity(), [], device=CPU)


def test_predictions_have_as_many_classes_as_the_data() -> None:
    data = [(torch.rand(4, 3), torch.zeros(4, dtype=torch.int64))]
    with pytest.raises(DataError, match=r"3 scores .* 10 classes"):
        predict(CLASSES, nn.Identity(), data, num_classes=10, device=CPU)


def test_a_sample_is_right_if_its_largest_logit_is_that_of_its_label() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0], [3.0, -1.0, 0.0], [-5.0, -4.0, -6.0]])
    found = Predictions(logits, torch.tensor([1, 2, 1])).is_right
    assert found.tolist() == [True, False, True]


def test_predictions_need_a_batch() -> None:
    with pytest.raises(DataError, match="the data loader has no batches"):
        predict(CLASSES, nn.Identity(), [], num_classes=3, device=CPU)
