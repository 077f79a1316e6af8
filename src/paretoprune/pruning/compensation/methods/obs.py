"""The update of the optimal brain surgeon, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from paretoprune.config.values import Strength
from paretoprune.pruning.compensation.damping import damped
from paretoprune.pruning.compensation.methods.interface import Compensation, Moments
from paretoprune.pruning.compensation.updatable import add_to, matrix_of


@dataclass(frozen=True)
class Obs(Compensation):
    """Optimal brain surgeon: zero the dense weight column by column; later columns compensate.

    Frantar and Alistarh 2023 (SparseGPT, section 3.3): the update of the optimal brain surgeon
    (Hassibi and Stork 1993) restricted to the weights that come later in the row, so that all rows
    share one factorisation. The zeros of the layer define which weights are removed.
    """

    # Added to the diagonal of the Hessian, relative to the mean square of the inputs.
    damping: Strength = 0.01
    traits: ClassVar = ("needs_zeros",)

    def update(self, layer: nn.Module, dense: Tensor, moments: Moments, /) -> None:
        """Replace the weights by the dense ones, updated for those that are zero."""
        weight = matrix_of(layer)
        size = weight.shape[1]
        active = weight != 0
        inverse = torch.linalg.inv(damped(moments.inputs[:size, :size], self.damping))
        factor = torch.linalg.cholesky(inverse, upper=True)
        work = dense.double().clone()
        for column in range(size):
            error = torch.where(active[:, column], 0.0, work[:, column] / factor[column, column])
            work[:, column:] -= error[:, None] * factor[column, column:]
        add_to(layer, work * active - weight.double())
