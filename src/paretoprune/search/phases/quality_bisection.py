"""The smallest model within a given drop of quality, by bisection: each probe is a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import Job, Metrics, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget


@dataclass(frozen=True)
class QualityBisection:
    """Halves the stretch between a size that is good enough and one that is not, until they meet.

    `places` fall in size. A trial is good enough if `is_within` says so of its metrics; the quality
    is taken to fall with the size.
    """

    places: Sequence[Mapping[str, float]]
    is_within: Callable[[Metrics], bool]
    bound: str  # in words, for the log: "1 point", "1 % of the quality"

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
            if self.is_good(probe):
                low = middle
            else:
                high = middle
        return None

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """The bisection has come to its end."""
        good = [r for r in results if r.origin == "drop" and self.is_good(r)]
        if not good:
            return f"no candidate is within {self.bound} of the dense model"
        smallest = min(good, key=lambda r: sum(r.widths.values()))
        return f"trial {smallest.number} is the smallest within {self.bound} of the dense model"

    def is_good(self, probe: TrialResult) -> bool:
        """Return True if a trial was trained and is within the drop."""
        return probe.state not in ("failed", "infeasible") and self.is_within(probe.metrics)

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """Return None: every trial starts from the dense model."""
        return set()
