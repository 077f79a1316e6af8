"""Quality of a model on one part of the data: accuracy and related metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

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
