"""`allocation=score`: the lowest sum of scores for the size saved, greedily."""

from __future__ import annotations

from dataclasses import dataclass

from paretoprune.search.allocation.greedy import (
    drop_dominated,
    greedy_allocation,
    loss_of_scores,
)
from paretoprune.search.allocation.methods.interface import (
    Allocation,
    AllocationContext,
    Path,
    Ratios,
)
from paretoprune.search.allocation.paths import sensitivity_path


@dataclass(frozen=True)
class ByScore(Allocation):
    """Greedy steps with the lowest sum of scores for the size saved, at efficient widths."""

    def path(self, context: AllocationContext, /) -> Path:
        """Return the path of the steps, one width of one group each."""
        loss = loss_of_scores(context.scores)
        return sensitivity_path(loss, context.choices(), context.size_of)

    def of_size(self, context: AllocationContext, most: float, /) -> Ratios:
        """Return the result of steps that may pass widths which save too little."""
        choices = drop_dominated(context.choices(), context.size_of)
        loss = loss_of_scores(context.scores)
        return greedy_allocation(loss, choices, context.size_of, target=most)
