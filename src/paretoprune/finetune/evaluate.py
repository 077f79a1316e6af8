"""Quality and loss on the validation data for the training curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from paretoprune.finetune.loader import Loader
from paretoprune.finetune.numerics.memory_format import as_channels_last
from paretoprune.tasks.batches import DeviceBatches
from paretoprune.tasks.interface import Task

_MISSING = "the validation data loader has no batches; check `data`"


@dataclass(frozen=True)
class Validation:
    """Result of one evaluation on the validation data."""

    quality: float  # the task's first quality, in its unit
    loss: float  # mean over the samples
    measured: Mapping[str, float]  # all qualities, by name


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    task: Task,
    loader: Loader,
    *,
    device: torch.device,
    bfloat16: bool,
) -> Validation:
    """Run one pass over `loader`. Leaves `model` in training mode.

    Raises:
        DataError: the loader has no batches.
    """
    model.eval()
    batches = DeviceBatches(loader, device, _MISSING, as_channels_last)
    found = task.measure(model, batches, device, bfloat16=bfloat16).compute()
    model.train()
    return Validation(quality=found[task.qualities[0].name], loss=found["loss"], measured=found)
