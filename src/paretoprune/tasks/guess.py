"""`task=auto`: the task that the batches and the model's class are of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from lightning import LightningModule
from torch import Tensor

from paretoprune.errors import DataError
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch, Task
from paretoprune.tasks.output_task import described, has_pairs
from paretoprune.tasks.own.lightning import Lightning
from paretoprune.tasks.own.steps import TRAINING, defines

_KNOWN = "classification (labels int64 class numbers of shape (N,))"


@dataclass(frozen=True)
class Auto:
    """Guesses the task when the data are known."""

    offers = Classification.offers

    def choose(self, batch: Batch, model_type: type | None) -> tuple[Task, str]:
        """Return the task of a batch, and the reason in a few words.

        `model_type` is the model's class, if that is known before it is built.

        Raises:
            DataError: there is no task for such batches.
        """
        if model_type is not None and trains_itself(model_type):
            return Lightning(), f"{model_type.__name__} has a training_step of its own"
        batch = unkeyed(batch)
        if has_pairs(batch):
            labels = Classification().targets(batch)
            if isinstance(labels, Tensor) and labels.dtype == torch.int64 and labels.ndim == 1:
                return Classification(), f"labels are int64 of {tuple(labels.shape)}"
        raise DataError(
            f"`task=auto` finds no task for these batches: {_form(batch)}; there are: {_KNOWN}"
        )


def trains_itself(model_type: type) -> bool:
    """Return True for a LightningModule with a training step of its own."""
    return issubclass(model_type, LightningModule) and defines(model_type, TRAINING)


def _form(batch: Batch) -> str:
    if not has_pairs(batch):
        return f"batches must be tensors (x, y), got {described(batch)}"
    labels = Classification().targets(batch)
    if isinstance(labels, Tensor):
        return f"labels are {labels.dtype} of shape {tuple(labels.shape)}"
    return f"labels are {described(labels)}"
