"""Optimizer and learning-rate schedule."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.target import Target
from paretoprune.finetune.named_optimizer import Schedule, named_optimizer, named_schedule

_BETA2 = 0.999  # of AdamW


def make_optimizer(
    model: nn.Module, settings: FinetuneSettings, *, usual: str = "sgd"
) -> Optimizer:
    """Return the optimizer of the settings over the parameters that require gradients.

    `usual` is the one for `optimizer=auto`: "sgd", with Nesterov momentum, or "adamw" (Loshchilov
    and Hutter 2019), with the momentum as its beta1. Weight decay applies to weights only, not to
    biases and parameters of normalisation layers (He et al. 2019, "Bag of tricks", section 3.1),
    that is, not to parameters of one dimension or none.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if isinstance(settings.optimizer, Target):
        return named_optimizer(settings.optimizer, groups, learning_rate=settings.learning_rate)
    name = usual if settings.optimizer == "auto" else settings.optimizer
    if name == "adamw":
        betas = (settings.momentum, _BETA2)
        return AdamW(groups, lr=settings.learning_rate, betas=betas, fused=True)
    return SGD(
        groups,
        lr=settings.learning_rate,
        momentum=settings.momentum,
        nesterov=settings.momentum > 0,
        fused=True,
    )


def make_schedule(optimizer: Optimizer, settings: FinetuneSettings, *, num_steps: int) -> Schedule:
    """Return the schedule of the settings over `num_steps` steps.

    By default it is the one-cycle schedule at constant momentum (Smith and Topin 2017). The rate
    rises from 1/25 of the peak, is exactly `learning_rate` at one step, and falls to nearly zero at
    the last one. For fewer than three steps the schedule is that of three steps.
    """
    num_steps = max(num_steps, 3)
    if settings.lr_scheduler is not None:
        return named_schedule(
            settings.lr_scheduler,
            optimizer,
            learning_rate=settings.learning_rate,
            num_steps=num_steps,
        )
    peak = max(1, min(round(settings.warmup * (num_steps - 1)), num_steps - 2))
    return OneCycleLR(
        optimizer,
        max_lr=settings.learning_rate,
        total_steps=num_steps,
        # OneCycleLR has its peak at step `pct_start * total_steps - 1`, and divides by that.
        pct_start=(peak + 1) / num_steps,
        cycle_momentum=False,
    )
