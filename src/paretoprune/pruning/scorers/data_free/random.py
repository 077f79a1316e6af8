"""Random scores: the baseline that every scorer has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Block, Group
from paretoprune.pruning.scorers.parts.channels import Batches, named_weights


@dataclass(frozen=True)
class Random:
    """Uniform numbers in [0, 1), the same for the same seed and groups."""

    seed: int = 0

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches = ()
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,). Neither model nor data are used."""
        generator = torch.Generator().manual_seed(self.seed)
        return {group.name: torch.rand(group.width, generator=generator) for group in groups}

    def per_block(
        self, model: nn.Module, blocks: Sequence[Block], batches: Batches = ()
    ) -> list[float]:
        """Return a uniform number in [0, 1) for each block."""
        generator = torch.Generator().manual_seed(self.seed)
        return torch.rand(len(blocks), generator=generator).tolist()

    def per_weight(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches = ()
    ) -> dict[str, Tensor]:
        """Return uniform numbers in [0, 1), by tensor name, shaped like it."""
        generator = torch.Generator().manual_seed(self.seed)
        weights = named_weights(model, tensors)
        return {n: torch.rand(w.shape, generator=generator) for n, w in weights.items()}
