"""Learning-rate range test: the loss while the rate rises from step to step.

Smith 2017 ("Cyclical learning rates for training neural networks", section 3.3): the loss falls
faster and faster, until the rate is too large, and then it rises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain, repeat

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.distillation import Teacher
from paretoprune.finetune.loader import Loader
from paretoprune.finetune.module import FinetuneModule
from paretoprune.finetune.numerics.memory_format import channels_last
from paretoprune.finetune.numerics.precision import narrow_in_float32, uses_bfloat16
from paretoprune.stopwatch import Stopwatch
from paretoprune.tasks.interface import Task
from paretoprune.tasks.nest import on_device

_KEPT = 0.9  # decay of the moving average
_LOST = 1.5  # times the lowest loss: the rate is too large
NUM_VAGUE = 10  # first steps, whose average is over too few losses


def losses_by_rate(
    rates: Sequence[float],
    model: nn.Module,
    task: Task,
    *,
    train_loader: Loader,
    settings: FinetuneSettings,
    seed: int,
    device: torch.device,
    teacher: Teacher | None,
    watch: Stopwatch | None = None,
) -> list[float]:
    """Train `model` in place, one step at each of the rising `rates`.

    Returns a moving average of the losses up to each step, over about ten steps. The list ends
    early if the last value is far above the lowest, or NaN. The teacher's seconds are attributed
    to it on `watch`.
    """
    found: list[float] = []
    total = weight = 0.0
    bfloat16 = uses_bfloat16(settings.precision, device)
    model.to(device).train()
    with (
        isolate_rng(include_cuda=device.type == "cuda"),
        channels_last(model, device),
        narrow_in_float32(model),
    ):
        torch.manual_seed(seed)
        module = FinetuneModule(
            model,
            task,
            settings,
            num_steps=len(rates),
            bfloat16=bfloat16,
            teacher=teacher,
            watch=watch,
        )
        batches = chain.from_iterable(repeat(train_loader))
        for rate, batch in zip(rates, batches, strict=False):
            loss = module.step_at(rate, on_device(batch, device))
            total, weight = _KEPT * total + loss, _KEPT * weight + 1
            found.append(total / weight)
            if not found[-1] < _LOST * min(found[NUM_VAGUE:], default=math.inf):  # NaN, too
                break
    return found
