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
        """The next smaller member; after the smallest, one between those before, if there is one.

        The latter happens where trials are left, since the sweep was extended, or since members
        were the same as baselines and did not have to be trained.
        """
        num_done = number - self.context.num_first
        most = self.context.affordable_sizes(self.num_sizes)  # may take a while at first
        members = self._affordable(num_done, most, left.now())
        waiting = self._waiting(members, [*results, *running])
        if not waiting:
            return None
        macs = self.context.sizes.macs_of(waiting[0])
        training = left.now().training(1 / len(waiting), macs=macs)
        return Proposal(waiting[0], self.origin, epochs=training.epochs, seconds=training.seconds)

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
        """Return None: every trial starts from the dense model."""
        return set()

    def _waiting(
        self, members: Sequence[Ratios], tried: Sequence[TrialResult | Job]
    ) -> list[Ratios]:
        """The members smaller than all that were tried; where there is none, those not tried."""
        size_of, first = self.context.sizes.size_of, self.context.num_first
        sizes = {size_of(one.ratios) for one in tried if one.number >= first}
        least = min(sizes, default=self.context.sizes.dense)
        smaller = [member for member in members if size_of(member) < least]
        return smaller or [member for member in members if size_of(member) not in sizes]

    def _affordable(self, num_done: int, most: int, left: RemainingBudget) -> list[Ratios]:
        """The members of as many sizes as the budget trains for a useful time, if any."""
        if left.budget.unit == "trials":
            return self._members(num_done + left.num_trials(0))
        for num_sizes in range(most, num_done, -1):
            members = self._members(num_sizes)
            rest = members[num_done:]
            macs = map(self.context.sizes.macs_of, rest)
            if all(left.epochs(1 / len(rest), macs=m) >= self.context.least_epochs for m in macs):
                return members
        return []

    def _members(self, num_sizes: int) -> list[Ratios]:
        """Return the members at these sizes, without those as large as the one before."""
        found: list[Ratios] = []
        size = self.context.sizes.dense
        for number in range(1, num_sizes + 1):
            member = self.member(self.context.sizes.between(number / num_sizes))
            if self.context.sizes.size_of(member) < size:
                found.append(member)
                size = self.context.sizes.size_of(member)
        return found
