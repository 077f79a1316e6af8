"""Bias correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from paretoprune.pruning.compensation.methods.interface import Compensation, Moments


@dataclass(frozen=True)
class Bias(Compensation):
    """Bias correction: add the mean output error to the bias; without a bias, nothing changes.

    Nagel et al. 2019 (Data-Free Quantization Through Weight Equalization and Bias Correction,
    section 4.2) correct the errors of quantisation in this way.
    """

    traits: ClassVar = ("keeps_weights",)

    def update(self, layer: nn.Module, dense: Tensor, moments: Moments, /) -> None:
        """Add the mean output error to the bias."""
        if isinstance(layer.bias, Tensor):
            layer.bias += (moments.missing[:, -1] / moments.count).to(layer.bias)
