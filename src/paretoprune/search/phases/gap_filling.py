"""Use of the budget that a finished chain leaves: models in the widest gaps of its front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.context import Ratios, SearchContext
from paretoprune.search.front.gaps import Gap, gaps_of, middle, points_of

_MOST = 4  # where the budget does not count trials; with more workers one for each


@dataclass(frozen=True)
class GapFilling:
    """Candidates between neighbours of the front, each cut out of the next larger trained model.

    It ends where no gap has more than `min_gain` to give (see `Gap`).
    """

    context: SearchContext
    min_gain: float
    origin: str = "refill"

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The middle of the widest gap, trained for an equal share of what is left.

        None if that would be too short to be of use.
        """
        num_running = sum(job.origin == self.origin for job in running)
        if num_running >= left.workers:
            return None
        num_own = self._num_trained(results) + num_running
        for gap in self._gaps(results, running):
            if gap.gain <= self.min_gain:
                continue
            parent = self._parent(results, gap.larger.size)
            parent_number = parent.number if parent else None
            start = self.context.sizes.start_of(parent.ratios if parent else None)
            ratios = middle(
                gap,
                self.context.sizes,
                self.context.damage(parent),
                start=start,
                fits=self.context.fits,
                divergence=partial(self.context.proxy, parent_number),
            )
            if ratios is not None:
                return self._trained_one(ratios, parent_number, num_own, left)
        return None

    def waits(
        self, results: Sequence[TrialResult], running: Sequence[Job], left: RemainingBudget
    ) -> bool:
        """True while one of its trials runs."""
        return any(job.origin == self.origin for job in running)

    def _trained_one(
        self, ratios: Ratios, parent: int | None, num_own: int, left: RemainingBudget
    ) -> Proposal | None:
        macs = self.context.sizes.macs_of(ratios)
        least = min(self.context.least_epochs, left.trial_epochs)
        for count in range(left.num_trials(_most(left) - num_own), 0, -1):
            if left.epochs(1 / count, macs=macs) >= least:
                training = left.training(1 / count, macs=macs)
                return Proposal(
                    ratios,
                    self.origin,
                    parent=parent,
                    epochs=training.epochs,
                    seconds=training.seconds,
                )
        return None

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """The front has no gap that is worth a trial, or there were as many as there may be."""
        largest = max((gap.gain for gap in self._gaps(results)), default=0.0)
        if largest <= self.min_gain:
            return (
                f"no gap of the front is worth more than {largest:.2g} of its area, and "
                f"`search.strategy.min_gain={self.min_gain:g}` asks for more; a smaller one, with "
                "`search.extend=true`, continues"
            )
        if left.num_trials(_most(left) - self._num_trained(results)) <= 0:
            return (
                f"the chain is finished and {_most(left)} gaps of its front are filled; a sweep "
                "with a larger `search.budget` trains each model for longer"
            )
        if left.budget.unit != "trials":
            return (
                "what is left of the budget is too little to train another model; a sweep with a "
                "larger `search.budget` trains more models, and each for longer"
            )
        return (
            "no candidate lies in a gap of the front; a sweep with a smaller `sparsity.divisor` "
            "has more"
        )

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The trained models of the front, out of which others are cut."""
        return {trial.number for trial in self._trained(results)}

    def _gaps(self, results: Sequence[TrialResult], running: Sequence[Job] = ()) -> list[Gap]:
        sizes, quality = self.context.sizes, self.context.quality
        return gaps_of(results, sizes, quality, tried=self.origin, running=running)

    def _num_trained(self, results: Sequence[TrialResult]) -> int:
        """The number of its trials; what was settled without training does not count."""
        return sum(r.origin == self.origin and not r.was_settled for r in results)

    def _parent(self, results: Sequence[TrialResult], size: float) -> TrialResult | None:
        """The smallest trained model that is no smaller; None: the dense one."""
        larger = [t for t in self._trained(results) if self.context.sizes.size_of(t.ratios) >= size]
        return larger[-1] if larger else None

    def _trained(self, results: Sequence[TrialResult]) -> list[TrialResult]:
        """Return the trials of the front, falling in size."""
        points = points_of(results, self.context.sizes, self.context.quality)
        return [point.trial for point in points if point.trial and point.trial.curve]


def _most(left: RemainingBudget) -> int:
    return max(_MOST, left.workers)
