"""`granularity=weights`: single weights are set to zero (unstructured)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from paretoprune.pruning.unstructured.layers import MaskedLayers, find_layers
from paretoprune.pruning.unstructured.patterns import Weights
from paretoprune.tasks.inputs import Inputs


@dataclass(frozen=True)
class SingleWeights:
    """Single weights, anywhere in a layer."""

    traits: ClassVar[tuple[str, ...]] = ("is_unstructured", "has_single_weights")

    def find(self, model: nn.Module, example: Inputs, /) -> MaskedLayers:
        """Return the layers that the pattern fits."""
        return find_layers(model, Weights())
