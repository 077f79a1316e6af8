"""Quality of a model on one part of the data: accuracy and related metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretoprune.errors import DataError
from paretoprune.measure.modes import evaluation_mode


@dataclass(frozen=True)
class Predictions:
    """Logits and labels of every sample of one part of the data."""

    logits: Tensor  # (N, classes), float32
    labels: Tensor  # (N,)


def measure_quality(
    model: nn.Module,
    loader: Iterable[Sequence[Tensor]],
    *,
    num_classes: int,
    device: torch.device,
) -> dict[str, float]:
    """Run the model and return its qualities by name: `quality_of(predict(...))`."""
    return quality_of(predict(model, loader, num_classes=num_classes, device=device))


def predict(
    model: nn.Module,
    loader: Iterable[Sequence[Tensor]],
    *,
    num_classes: int,
    device: torch.device,
) -> Predictions:
    """Run `model` once over `loader`, whose batches begin with (x, y).

    Raises:
        DataError: there are no batches, or the model has another number of classes.
    """
    logits, labels = [], []
    with evaluation_mode(model), torch.inference_mode():
        for x, y, *_ in loader:
            logits.append(model(x.to(device)).float())
            labels.append(y.to(device))
    if not logits:
        raise DataError("there is nothing to measure on: the data loader has no batches")
    if logits[0].shape[1] != num_classes:
        raise DataError(
            f"the model gives {logits[0].shape[1]} scores for each sample, but the data have "
            f"{num_classes} classes; give the model `num_classes={num_classes}`"
        )
    return Predictions(torch.cat(logits), torch.cat(labels))


def quality_of(predictions: Predictions) -> dict[str, float]:
    """Return the qualities of predictions by name; rates are in percent.

    Top-5 accuracy is there only where there are more than five classes.

    Precision, recall and F1 are macro averages over the classes that occur in labels or
    predictions. The calibration error is the expected calibration error with 15 bins (Guo et al.
    2017, eq. 3).
    """
    # Imported here, since it takes seconds that other processes need not spend.
    from torchmetrics.functional.classification import (
        multiclass_accuracy,
        multiclass_calibration_error,
        multiclass_f1_score,
        multiclass_precision,
        multiclass_recall,
    )

    logits, labels = predictions.logits, predictions.labels
    num_classes = logits.shape[1]
    found = {"accuracy": multiclass_accuracy(logits, labels, num_classes, average="micro")}
    if num_classes > 5:
        found["top5_accuracy"] = multiclass_accuracy(
            logits, labels, num_classes, top_k=5, average="micro"
        )
    for name, rate in (
        ("precision", multiclass_precision),
        ("recall", multiclass_recall),
        ("f1", multiclass_f1_score),
    ):
        found[name] = rate(logits, labels, num_classes, average="macro")
    error = multiclass_calibration_error(
        logits.softmax(dim=1), labels, num_classes, n_bins=15, norm="l1"
    )
    return {
        **{name: _percent(rate) for name, rate in found.items()},
        "loss": cross_entropy(logits, labels).item(),
        "calibration_error": _percent(error),
    }


def _percent(rate: Tensor) -> float:
    return 100.0 * rate.item()
