"""One candidate for each size, each from the dense model: uniform pruning, or a global ranking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.context import Ratios, SearchContext


@dataclass(frozen=True)
class OneParameter:
    """A family of candidates with one parameter: its members at sizes even in their logarithm."""

    context: SearchContext
    origin: str  # "uniform" or "global"
    member: Callable[[float], Ratios]  # the largest that has at most this size
    num_sizes: int  # at most, where the budget is no number of trials

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The next smaller member; None after the smallest."""
        num_done = number - self.context.num_first
        num_sizes = self.context.affordable_sizes(self.num_sizes)
        members = self._members(num_done + left.num_trials(num_sizes - num_done))
        if num_done >= len(members):
            return None
        ratios = members[num_done]
        share = 1 / (len(members) - num_done)
        epochs = left.epochs(share, macs=self.context.sizes.macs_of(ratios))
        return Proposal(ratios=ratios, origin=self.origin, epochs=epochs)

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """All sizes have their member."""
        more = "a sweep with a larger `search.strategy.num_sizes` has more"
        if left.budget.unit == "trials":
            more = "a larger `search.n_trials` with `search.extend=true` puts more between them"
        return (
            f"each of its sizes has a {self.origin} candidate; {more}, and a sweep with a larger "
            "`search.max_ratio` has smaller ones"
        )

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """None: every trial starts from the dense model."""
        return set()

    def _members(self, num_sizes: int) -> list[Ratios]:
        """The members at so many sizes, without those that are as large as the one before."""
        found: list[Ratios] = []
        size = self.context.sizes.dense
        for number in range(1, num_sizes + 1):
            member = self.member(self.context.sizes.between(number / num_sizes))
            if self.context.sizes.size_of(member) < size:
                found.append(member)
                size = self.context.sizes.size_of(member)
        return found
