"""`task=auto`: the task that the batches and the model's class are of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from lightning import LightningModule
from torch import Tensor

from paretoprune.errors import DataError, SettingsError
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.detection import Detection, is_detection
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch, Task
from paretoprune.tasks.output_task import described, has_pairs
from paretoprune.tasks.segmentation import Segmentation

_KNOWN = "; ".join(
    (
        "classification (labels int64 class numbers of shape (N,))",
        "segmentation (labels int64 class numbers of shape (N, H, W))",
        "detection (lists of images and of dicts with boxes and labels)",
    )
)


@dataclass(frozen=True)
class Auto:
    """Guesses the task when the data are known."""

    offers = Classification.offers

    def choose(self, batch: Batch, model_type: type | None) -> tuple[Task, str]:
        """Return the task of a batch, and the reason in a few words.

        `model_type` is the model's class, if that is known before it is built.

        Raises:
            SettingsError: the model is a LightningModule with a training step of its own.
            DataError: there is no task for such batches.
        """
        _refuse_own_training(model_type)
        batch = unkeyed(batch)
        if is_detection(batch):
            return Detection(), "targets are dicts with boxes and labels"
        if has_pairs(batch):
            labels = Classification().targets(batch)
            if isinstance(labels, Tensor) and labels.dtype == torch.int64 and labels.ndim == 1:
                return Classification(), f"labels are int64 of {tuple(labels.shape)}"
            if isinstance(labels, Tensor) and labels.dtype == torch.int64 and labels.ndim == 3:
                return Segmentation(), f"labels are int64 of {tuple(labels.shape)}"
        raise DataError(
            f"`task=auto` finds no task for these batches: {_form(batch)}; there are: {_KNOWN}"
        )


def _refuse_own_training(model_type: type | None) -> None:
    """Raise SettingsError for a class whose training would be ignored."""
    if model_type is None or not issubclass(model_type, LightningModule):
        return
    if model_type.training_step is LightningModule.training_step:
        return
    raise SettingsError(
        [
            f"{model_type.__name__} is a LightningModule with a training_step of its own, which is "
            "not used: paretoprune trains by its own loop; set `task=classification` to train it "
            "by the cross-entropy of its outputs, without its training_step, configure_optimizers "
            "and metrics"
        ]
    )


def _form(batch: Batch) -> str:
    if not has_pairs(batch):
        return f"batches must be tensors (x, y), got {described(batch)}"
    labels = Classification().targets(batch)
    if isinstance(labels, Tensor):
        return f"labels are {labels.dtype} of shape {tuple(labels.shape)}"
    return f"labels are {described(labels)}"
