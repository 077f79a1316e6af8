"""Growing L2 penalty on the weights that a trial removes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from paretoprune.config.values import Positive, Strength
from paretoprune.pruning.sparse_training.gradients import grad_of
from paretoprune.pruning.sparse_training.interface import Penalty, SparseTraining


@dataclass(frozen=True, kw_only=True)
class Growing(SparseTraining):
    """Growing regularisation: progress x strength / 2 x the sum of squares of weights to prune.

    GReg-1, Wang et al. 2021 (Neural Pruning via Growing Regularization, section 3.1): the weights
    are chosen first and then driven to zero by a growing L2 penalty, so that the rest of the
    network can adapt.
    """

    strength: Strength = 0.1  # final value; it grows from 0
    epochs: Positive = 2
    traits: ClassVar = ("before_each_pruning",)

    def penalty_on(self, model: nn.Module, masks: Mapping[str, Tensor], /) -> Penalty:
        """Return the penalty on the parameters that are to be pruned; buffers are left out."""
        parameters = dict(model.named_parameters())
        pruned = [
            (parameters[n], (~mask).to(parameters[n]))
            for n, mask in masks.items()
            if n in parameters
        ]

        @torch.no_grad()
        def add(progress: float) -> None:
            for weight, gone in pruned:
                grad_of(weight).add_(weight * gone, alpha=self.strength * progress)

        return add
