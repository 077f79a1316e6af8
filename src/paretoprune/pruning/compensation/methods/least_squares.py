"""Least-squares reconstruction of a layer's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from paretoprune.config.values import Amount
from paretoprune.pruning.compensation.damping import damped
from paretoprune.pruning.compensation.methods.interface import Compensation, Moments
from paretoprune.pruning.compensation.updatable import add_to, matrix_of


@dataclass(frozen=True)
class LeastSquares(Compensation):
    """Least-squares reconstruction: fit weights and bias to the wanted outputs.

    He et al. 2017 (Channel Pruning for Accelerating Very Deep Neural Networks, section 3.1, step
    2), with a small ridge penalty on the change. Means of inputs and outputs are removed, since the
    bias, or the BatchNorm behind the layer, absorbs them. Where weights of a row are zero, only the
    others of the row change, which takes one solution per row.
    """

    ridge: Amount = 0.1  # penalty on the change, relative to the mean variance of the inputs
    traits: ClassVar = ("fits_outputs",)

    def update(self, layer: nn.Module, dense: Tensor, moments: Moments, /) -> None:
        """Change weights and bias by the solution."""
        centred = moments.centred()
        inputs, active = damped(centred.inputs, self.ridge), matrix_of(layer) != 0
        if active.all():
            change = torch.linalg.solve(inputs, centred.missing.T).T
        else:
            change = torch.zeros_like(centred.missing)
            for row, kept in enumerate(active):
                places = kept.nonzero().flatten()
                own = inputs.index_select(0, places).index_select(1, places)
                change[row, places] = torch.linalg.solve(own, centred.missing[row, places])
        add_to(layer, change)
        if isinstance(layer.bias, Tensor):
            lack = moments.missing[:, -1] - change @ moments.inputs[:-1, -1]
            layer.bias += (lack / moments.count).to(layer.bias)
