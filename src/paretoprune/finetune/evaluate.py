"""Quality and loss on the validation data for the training curve."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from paretoprune.errors import DataError
from paretoprune.finetune.loader import Loader
from paretoprune.finetune.numerics.memory_format import as_channels_last
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Task
from paretoprune.tasks.nest import on_device


@dataclass(frozen=True)
class Validation:
    """Result of one evaluation on the validation data."""

    quality: float  # the task's first quality, in its unit
    loss: float  # mean over the samples


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
    meter, empty = task.meter(device), True
    model.eval()
    for batch in loader:
        batch = as_channels_last(on_device(unkeyed(batch), device, non_blocking=True))
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            outputs = task.outputs(model, batch)
        meter.update(outputs, batch)
        empty = False
    model.train()
    if empty:
        raise DataError("the validation data loader has no batches; check `data`")
    found = meter.compute()
    return Validation(quality=found[task.qualities[0].name], loss=found["loss"])
