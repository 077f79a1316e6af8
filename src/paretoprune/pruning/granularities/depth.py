"""`granularity=depth`: whole residual blocks are removed; the shortcut remains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.groups import Groups
from paretoprune.tasks.inputs import Inputs


@dataclass(frozen=True)
class Depth:
    """Residual blocks."""

    traits: ClassVar[tuple[str, ...]] = ()

    def find(self, model: nn.Module, example: Inputs, /) -> Groups:
        """Return the verified groups of the model."""
        return find_groups(model, example, channels=False, blocks=True)
