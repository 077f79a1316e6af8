"""`granularity=channels`: channels of coupled layers are removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.groups import Groups
from paretoprune.tasks.inputs import Inputs


@dataclass(frozen=True)
class Channels:
    """Channels and attention heads, removed together wherever layers depend on each other."""

    traits: ClassVar[tuple[str, ...]] = ("removes_channels",)

    def find(self, model: nn.Module, example: Inputs, /) -> Groups:
        """Return the verified groups of the model."""
        return find_groups(model, example, channels=True, blocks=False)
