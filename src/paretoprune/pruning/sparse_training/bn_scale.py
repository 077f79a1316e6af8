"""L1 penalty on the scales of BatchNorm: network slimming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from paretoprune.config.values import Strength
from paretoprune.errors import PruningError
from paretoprune.pruning.sparse_training.gradients import sum_of_absolutes
from paretoprune.pruning.sparse_training.interface import Group, Penalty, SparseTraining


@dataclass(frozen=True, kw_only=True)
class BatchNormScale(SparseTraining):
    """L1 penalty on BatchNorm scales: strength x the sum of |scale| over all BatchNorm layers.

    Liu et al. 2017 (Learning Efficient Convolutional Networks through Network Slimming, section 3).
    """

    strength: Strength = 1e-4
    traits: ClassVar = ("needs_channels",)

    def penalty(self, model: nn.Module, groups: Sequence[Group], /) -> Penalty:
        """Return the penalty on the scales of a model.

        Raises:
            PruningError: the model has no BatchNorm with scales.
        """
        scales = [m.weight for m in model.modules() if isinstance(m, _BatchNorm) and m.affine]
        if not scales:
            raise PruningError(
                "`sparse_training=bn_scale` cannot be used: the model has no BatchNorm; "
                "use sparse_training=group_lasso"
            )
        return sum_of_absolutes(scales, self.strength)
