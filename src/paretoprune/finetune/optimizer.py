"""The optimizer and the learning-rate schedule of a training."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from paretoprune.config.groups.finetune import FinetuneSettings


def make_optimizer(model: nn.Module, settings: FinetuneSettings) -> SGD:
    """SGD with Nesterov momentum over the parameters that need gradients.

    Weight decay is for weights alone, not for biases and the parameters of normalisation layers
    (He et al. 2019, "Bag of tricks", section 3.1): all parameters with one axis or none.
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


def make_schedule(optimizer: SGD, settings: FinetuneSettings, *, num_steps: int) -> OneCycleLR:
    """One cycle over `num_steps` steps (Smith and Topin 2017), with momentum kept constant.

    The rate rises from 1/25 of the peak, is exactly `learning_rate` at one step, and falls to
    nearly zero at the last one; for fewer than three steps, as in the first steps of three.
    """
    num_steps = max(num_steps, 3)
    peak = max(1, min(round(settings.warmup * (num_steps - 1)), num_steps - 2))
    return OneCycleLR(
        optimizer,
        max_lr=settings.learning_rate,
        total_steps=num_steps,
        # OneCycleLR puts the peak at step `pct_start * total_steps - 1`, and divides by that.
        pct_start=(peak + 1) / num_steps,
        cycle_momentum=False,
    )
