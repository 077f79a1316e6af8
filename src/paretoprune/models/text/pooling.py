"""The mean of a text's token states."""

from __future__ import annotations

from torch import Tensor


def mean_of_tokens(states: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean (N, C) of states (N, L, C) over positions where mask (N, L) is not 0."""
    if mask is None:
        return states.mean(1)
    weights = mask.to(states.dtype).unsqueeze(2)
    return (states * weights).sum(1) / weights.sum(1).clamp_min(1.0)
