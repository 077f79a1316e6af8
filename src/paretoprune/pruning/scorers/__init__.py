"""Scorers: how important each channel of each group is, higher for more important."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from torch import Tensor, nn

from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.bn_scale import BatchNormScale
from paretoprune.pruning.scorers.magnitude import Magnitude
from paretoprune.pruning.scorers.normalise import normalise
from paretoprune.pruning.scorers.random import Random
from paretoprune.pruning.scorers.taylor import Taylor


class Scorer(Protocol):
    """What every scorer is: a function of model, groups and training batches."""

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Iterable[Sequence[Tensor]]
    ) -> dict[str, Tensor]:
        """Finite float32 scores on the CPU by group name, shape (width,)."""
        ...


__all__ = ["BatchNormScale", "Magnitude", "Random", "Scorer", "Taylor", "normalise"]
