"""Optimizer and learning-rate schedule."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from paretoprune.config.groups.finetune import FinetuneSettings


def make_optimizer(model: nn.Module, settings: FinetuneSettings) -> SGD:
    """Return SGD with Nesterov momentum over the parameters that require gradients.

    Weight decay applies to weights only, not to biases and parameters of normalisation layers (He
    et al. 2019, "Bag of tricks", section 3.1), that is, not to parameters of one dimension or none.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in parameters if p.ndim > 1]
    others = [p for p in parameters if p.ndim <= 1]
    return SGD(
        [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        momentum=settings.momentum,
        nesterov=settings.momentum > 0,
        fused=True,
    )


def make_schedule(
    optimizer: Optimizer, settings: FinetuneSettings, *, num_steps: int
) -> OneCycleLR:
    """Return the one-cycle schedule over `num_steps` steps, at constant momentum.

    Smith and Topin 2017. The rate rises from 1/25 of the peak, is exactly `learning_rate` at one
    step, and falls to nearly zero at the last one. For fewer than three steps the schedule is that
    of three steps.
    """
    num_steps = max(num_steps, 3)
    peak = max(1, min(round(settings.warmup * (num_steps - 1)), num_steps - 2))
    return OneCycleLR(
        optimizer,
        max_lr=settings.learning_rate,
        total_steps=num_steps,
        # OneCycleLR has its peak at step `pct_start * total_steps - 1`, and divides by that.
        pct_start=(peak + 1) / num_steps,
        cycle_momentum=False,
    )
