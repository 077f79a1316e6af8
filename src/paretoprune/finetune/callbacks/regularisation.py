"""Sparsity-inducing training: penalties on weights, and dropout of weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Regularisation:
    """Regularisation of each training step.

    `penalty(progress)` adds the gradient of a penalty to the gradients of the loss; progress rises
    from 0 to 1 over the training. `dropout` is the probability that a weight counts as zero in a
    step, for the share `targeted` of smallest weights of each tensor: targeted dropout, Gomez et
    al. 2019 (Learning Sparse Networks Using Targeted Dropout, section 3). With `targeted` = 1 it is
    plain dropout of weights, and the others are scaled up to preserve sums on average.
    """

    penalty: Callable[[float], None] | None = None
    dropout: float = 0.0
    targeted: float = 1.0

    @contextmanager
    def on(self, model: nn.Module, *, progress: float, penalised: bool = True) -> Iterator[None]:
        """Context around the forward and the backward pass of a batch.

        Of the batches whose gradients make one step, the penalty is added to one, `penalised`.
        """
        with dropped_weights(model, self.dropout, share=self.targeted):
            yield
        if self.penalty is not None and penalised:
            self.penalty(progress)


@contextmanager
def dropped_weights(model: nn.Module, probability: float, *, share: float) -> Iterator[None]:
    """Inside, some of the smallest weights are zero; afterwards restored, without gradient."""
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
    """Return True for the weights that are dropped."""
    out = torch.rand_like(weight) < probability
    if share < 1:
        count = max(1, round(share * weight.numel()))
        out &= weight.abs() <= weight.abs().flatten().kthvalue(count).values
    return out
