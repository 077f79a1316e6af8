"""Quality and loss on the validation data for the training curve."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paretoprune.errors import DataError
from paretoprune.finetune.loader import Loader
from paretoprune.finetune.numerics.memory_format import as_channels_last


@dataclass(frozen=True)
class Validation:
    """Result of one evaluation on the validation data."""

    quality: float  # the task's first quality, in its unit
    loss: float  # mean cross-entropy in nats


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    loader: Loader,
    *,
    device: torch.device,
    bfloat16: bool,
) -> Validation:
    """Run one pass over `loader`, whose batches begin with (x, y). Leaves `model` in training mode.

    Raises:
        DataError: the loader has no batches.
    """
    count = 0
    correct = torch.zeros((), dtype=torch.int64, device=device)
    loss = torch.zeros((), device=device)
    model.eval()
    for x, y, *_ in loader:
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            logits = model(as_channels_last(x)).float()
        count += len(y)
        correct += (logits.argmax(dim=1) == y).sum()
        loss += cross_entropy(logits, y, reduction="sum")
    model.train()
    if not count:
        raise DataError("the validation data loader has no batches; check `data`")
    return Validation(quality=100.0 * correct.item() / count, loss=loss.item() / count)
