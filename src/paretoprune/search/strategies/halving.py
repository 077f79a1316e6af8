"""Successive halving for fronts: many candidates are trained briefly, the best of them longer.

A promoted candidate is a new trial with the same widths that starts from the weights of the old
one. Every rung ends with its learning rate annealed and with measures, so each result is a model
for the front. No trial is compared with one that has not finished: a rung's finished trials alone
decide, and who is not promoted now may be later (asynchronous: Li et al. 2020, ASHA, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paretoprune.config.target import Target
from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.context import SearchContext
from paretoprune.search.front.front import Points, as_costs, objective_values
from paretoprune.search.front.promotion import num_promoted, promotion_order, rung_epochs
from paretoprune.search.strategies.sampling import Sampling

_NUM_RUNGS = 3
_ETA = 3  # reduction factor: 1 of 3 is promoted, and trained 3 times as long


@dataclass(frozen=True)
class Halving:
    """Takes new candidates from a sampler and promotes the best of each rung first."""

    context: SearchContext
    sampler: Target  # proposes the new candidates
    log_sizes: bool = True  # draw their sizes evenly in the logarithm

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """Return a promotion from the highest rung that has one, else a new candidate."""
        epochs = rung_epochs(left.trial_epochs, _NUM_RUNGS, _ETA)
        for rung in reversed(range(_NUM_RUNGS - 1)):
            promoted = self._promotion(rung, results, running)
            if promoted is not None:
                return Proposal(
                    promoted.ratios,
                    "halving",
                    parent=promoted.number,
                    epochs=epochs[rung + 1],
                    rung=rung + 1,
                )
        newcomers = Sampling(self.context, self.sampler, self.log_sizes)
        fresh = newcomers.propose(number, results, running, left)
        return Proposal(fresh.ratios, "halving", epochs=epochs[0])

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """Return a sentence that is never needed: a sampler always proposes something."""
        return "the sampler proposes nothing more"

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """Return the trials that may still be promoted."""
        continued = {result.parent for result in results}
        return {r.number for r in self._finished(results) if r.rung < _NUM_RUNGS - 1} - {
            number for number in continued if number is not None
        }

    def _promotion(
        self, rung: int, results: Sequence[TrialResult], running: Sequence[Job]
    ) -> TrialResult | None:
        """Return the best trial of the rung that may be promoted and is not yet."""
        finished = [result for result in self._finished(results) if result.rung == rung]
        continued = {result.parent for result in results} | {job.parent for job in running}
        order = [finished[index] for index in promotion_order(self._costs(finished))]
        places = num_promoted(len(finished), _ETA)
        taken = sum(result.number in continued for result in finished)
        # Fronts shift, and with them who is among the best; the very best never has to wait.
        chosen = order[:places] if taken < places else order[: min(places, 1)]
        return next((result for result in chosen if result.number not in continued), None)

    def _finished(self, results: Sequence[TrialResult]) -> list[TrialResult]:
        own = [result for result in results if result.number >= self.context.num_first]
        return [result for result in own if result.state == "complete" and result.curve]

    def _costs(self, results: Sequence[TrialResult]) -> Points:
        """Return the objectives as costs to minimise; sizes and times as logarithms."""
        values = [
            objective_values(result.metrics, self.context.objectives)
            or [float("nan")] * len(self.context.objectives)
            for result in results
        ]
        costs = as_costs(values, list(self.context.objectives.values()))
        counts = (costs > 0).all(axis=0)
        costs[:, counts] = np.log(costs[:, counts])
        return costs
