"""Number of parameters."""

from __future__ import annotations

from torch import nn


def count_params(model: nn.Module) -> int:
    """Count the elements of all parameters; a shared parameter counts once."""
    return sum(parameter.numel() for parameter in model.parameters())
