"""The number of parameters."""

from __future__ import annotations

from torch import nn


def count_params(model: nn.Module) -> int:
    """Numbers a training may change; a parameter that is used in several places counts once."""
    return sum(parameter.numel() for parameter in model.parameters())
