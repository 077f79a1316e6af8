"""`granularity=nm`: N of every m consecutive inputs are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from paretoprune.config.values import Several
from paretoprune.pruning.unstructured.layers import MaskedLayers, find_layers
from paretoprune.pruning.unstructured.patterns import NofM
from paretoprune.tasks.inputs import Inputs


@dataclass(frozen=True)
class NM:
    """N:M sparsity; the ratio of a layer determines N."""

    traits: ClassVar[tuple[str, ...]] = ("is_unstructured",)

    m: Several = 4  # consecutive inputs, of which N are kept

    def find(self, model: nn.Module, example: Inputs, /) -> MaskedLayers:
        """Return the layers that the pattern fits."""
        return find_layers(model, NofM(self.m))
