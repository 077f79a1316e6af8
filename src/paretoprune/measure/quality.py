"""Quality of a model on one part of the data: accuracy and related metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretoprune.errors import DataError
from paretoprune.measure.modes import evaluation_mode
from paretoprune.tasks.batches import DeviceBatches
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch, Meter, Task
from paretoprune.tasks.nest import on_device
from paretoprune.tasks.output_task import OutputTask

_MISSING = "there is nothing to measure on: the data loader has no batches"


@dataclass(frozen=True)
class Predictions:
    """Logits and labels of every sample of one part of the data."""

    logits: Tensor  # (N, classes), float32
    labels: Tensor  # (N,)

    @property
    def is_right(self) -> Tensor:
        """True for the samples with the right class, (N,)."""
        return self.logits.argmax(1) == self.labels


def measure_quality(
    task: Task, model: nn.Module, loader: Iterable[Batch], *, device: torch.device
) -> dict[str, float]:
    """Run the model once over `loader` and return its qualities by name.

    Raises:
        DataError: there are no batches.
    """
    return metered(task, model, loader, device=device).compute()


def metered(
    task: Task, model: nn.Module, loader: Iterable[Batch], *, device: torch.device
) -> Meter:
    """Run the model once over `loader` and return the meter of its qualities.

    Raises:
        DataError: there are no batches.
    """
    with evaluation_mode(model), torch.inference_mode():
        return task.measure(model, DeviceBatches(loader, device, _MISSING), device)


def predict(
    task: OutputTask,
    model: nn.Module,
    loader: Iterable[Batch],
    *,
    num_classes: int,
    device: torch.device,
) -> Predictions:
    """Run a classifier once over `loader`.

    Raises:
        DataError: there are no batches, or the model has another number of classes.
    """
    logits, labels = [], []
    with evaluation_mode(model), torch.inference_mode():
        for batch in loader:
            batch = on_device(unkeyed(batch), device)
            logits.append(task.outputs(model, batch))
            labels.append(task.targets(batch))
    if not logits:
        raise DataError(_MISSING)
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
