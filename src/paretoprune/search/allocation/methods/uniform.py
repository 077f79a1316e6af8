"""`allocation=uniform`: the same ratio for every group."""

from __future__ import annotations

from dataclasses import dataclass

from paretoprune.search.allocation.methods.interface import Allocation, AllocationContext, Path
from paretoprune.search.allocation.paths import uniform_path


@dataclass(frozen=True)
class Uniform(Allocation):
    """The same ratio for every group, limited by its cap."""

    def path(self, context: AllocationContext, /) -> Path:
        """Return the path of a rising ratio."""
        return uniform_path(context.groups, max_ratio=context.max_ratio)
