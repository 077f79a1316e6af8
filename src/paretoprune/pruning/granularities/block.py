"""`granularity=block`: blocks of weights are set to zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from paretoprune.config.values import Positive
from paretoprune.pruning.unstructured.layers import MaskedLayers, find_layers
from paretoprune.pruning.unstructured.patterns import WeightBlocks
from paretoprune.tasks.inputs import Inputs


@dataclass(frozen=True)
class Block:
    """Blocks of weights, at one kernel position."""

    traits: ClassVar[tuple[str, ...]] = ("is_unstructured",)

    rows: Positive = 4  # number of outputs
    columns: Positive = 1  # number of inputs

    def find(self, model: nn.Module, example: Inputs, /) -> MaskedLayers:
        """Return the layers that the pattern fits."""
        return find_layers(model, WeightBlocks(self.rows, self.columns))
