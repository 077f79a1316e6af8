"""Damping of a matrix of second moments."""

from __future__ import annotations

import torch
from torch import Tensor


def damped(inputs: Tensor, share: float) -> Tensor:
    """Add `share` of the mean of the diagonal to it, so that weights of inputs that are always
    zero stay."""
    scale = inputs.diagonal().mean()
    return inputs + torch.eye(len(inputs)).to(inputs) * (share * scale + 1e-12)
