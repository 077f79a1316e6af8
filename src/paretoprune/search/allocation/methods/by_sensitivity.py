"""`allocation=sensitivity`: the lowest measured divergence for the size saved, greedily."""

from __future__ import annotations

from dataclasses import dataclass

from paretoprune.search.allocation.greedy import drop_dominated, greedy_allocation
from paretoprune.search.allocation.methods.interface import (
    Allocation,
    AllocationContext,
    Path,
    Ratios,
)
from paretoprune.search.allocation.paths import sensitivity_path


@dataclass(frozen=True)
class BySensitivity(Allocation):
    """Greedy steps with the lowest divergence of the outputs for the size saved.

    The divergence is measured before the run, one group at a time.
    """

    def path(self, context: AllocationContext, /) -> Path:
        """Return the path of the steps, one width of one group each."""
        return sensitivity_path(context.sensitivity(), context.choices(), context.size_of)

    def of_size(self, context: AllocationContext, most: float, /) -> Ratios:
        """Return the result of steps that may pass widths which save too little."""
        choices = drop_dominated(context.choices(), context.size_of)
        return greedy_allocation(context.sensitivity(), choices, context.size_of, target=most)
