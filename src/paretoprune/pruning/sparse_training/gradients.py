"""Gradients of penalties."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from paretoprune.pruning.sparse_training.interface import Penalty


def sum_of_absolutes(weights: Sequence[Tensor], strength: float) -> Penalty:
    """Return the penalty `strength` x the sum of the absolute values of `weights`."""

    @torch.no_grad()
    def add(_progress: float) -> None:
        for weight in weights:
            grad_of(weight).add_(weight.sign(), alpha=strength)

    return add


def grad_of(weight: Tensor) -> Tensor:
    """Return the gradient of a parameter; zeros, now its own, if the loss does not depend on it."""
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    return weight.grad
