"""`allocation=global`: one threshold on the scores of all groups."""

from __future__ import annotations

from dataclasses import dataclass

from paretoprune.search.allocation.methods.interface import Allocation, AllocationContext, Path
from paretoprune.search.allocation.paths import ranking_path


@dataclass(frozen=True)
class GlobalRanking(Allocation):
    """All channels below one threshold are removed, whichever group they belong to."""

    def path(self, context: AllocationContext, /) -> Path:
        """Return the path of a rising threshold."""
        return ranking_path(context.groups, context.scores, max_ratio=context.max_ratio)
