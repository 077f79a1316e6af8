"""Training that pushes weights towards zero: penalties on them, and dropout of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Regularisation:
    """What is added to each training step.

    `penalty(progress)` adds the gradient of a penalty to the gradients of the loss; progress rises
    from 0 to 1 over the training. `dropout` is the probability that one of the smallest weights of
    its tensor, a share `targeted` of them, counts as zero in a step: targeted dropout, Gomez et al.
    2019 (Learning Sparse Networks Using Targeted Dropout, section 3). With `targeted` = 1 it is
    plain dropout of weights, and the others are scaled up so that sums stay the same on average.
    """

    penalty: Callable[[float], None] | None = None
    dropout: float = 0.0
    targeted: float = 1.0

    @contextmanager
    def on(self, model: nn.Module, *, progress: float) -> Iterator[None]:
        """Around the forward and the backward pass of a step."""
        with dropped_weights(model, self.dropout, share=self.targeted):
            yield
        if self.penalty is not None:
            self.penalty(progress)


@contextmanager
def dropped_weights(model: nn.Module, probability: float, *, share: float) -> Iterator[None]:
    """Inside, some of the smallest weights are zero; afterwards they are back, without gradient."""
    if probability == 0:
        yield
        return
    weights = [p for p in model.parameters() if p.requires_grad and p.dim() > 1]
    before = [weight.detach().clone() for weight in weights]
    out = [_drawn(weight.detach(), probability, share) for weight in weights]
    with torch.no_grad():
        for weight, mask in zip(weights, out, strict=True):
            weight.masked_fill_(mask, 0)
            if share == 1:
                weight.div_(1 - probability)
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, values, mask in zip(weights, before, out, strict=True):
                weight.copy_(values)
                if weight.grad is not None:
                    weight.grad.masked_fill_(mask, 0)


def _drawn(weight: torch.Tensor, probability: float, share: float) -> torch.Tensor:
    """True for the weights that sit out."""
    out = torch.rand_like(weight) < probability
    if share < 1:
        count = max(1, round(share * weight.numel()))
        out &= weight.abs() <= weight.abs().flatten().kthvalue(count).values
    return out
