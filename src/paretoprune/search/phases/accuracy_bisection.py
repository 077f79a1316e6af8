"""The smallest model within a given drop of accuracy, by bisection: each probe is a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget


@dataclass(frozen=True)
class AccuracyBisection:
    """Halves the stretch between a size that is good enough and one that is not, until they meet.

    `places` fall in size. A trial is good enough if its validation accuracy is at most `max_drop`
    percentage points below the dense model's; the accuracy is taken to fall with the size.
    """

    places: Sequence[Mapping[str, float]]
    max_drop: float

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The middle of what is not decided; None at the end, or until the last probe is back."""
        low, high = -1, len(self.places)  # the last that is good enough, the first that is not
        while not running and high - low > 1:
            middle = (low + high) // 2
            probe = next((r for r in results if r.ratios == self.places[middle]), None)
            if probe is None:
                return Proposal(self.places[middle], "drop")
            if self.is_good(probe, results):
                low = middle
            else:
                high = middle
        return None

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """The bisection has come to its end."""
        good = [r for r in results if r.origin == "drop" and self.is_good(r, results)]
        if not good:
            return f"no candidate is within {self.max_drop:g} points of the dense model"
        smallest = min(good, key=lambda r: sum(r.widths.values()))
        return (
            f"trial {smallest.number} is the smallest within {self.max_drop:g} points of the dense "
            "model"
        )

    def is_good(self, probe: TrialResult, results: Sequence[TrialResult]) -> bool:
        """Whether a trial is within the drop."""
        dense = next(r.metrics.quality.get("accuracy") for r in results if r.origin == "dense")
        found = probe.metrics.quality.get("accuracy")
        if found is None or dense is None or probe.state in ("failed", "infeasible"):
            return False
        return found >= dense - self.max_drop

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """None: every trial starts from the dense model."""
        return set()
