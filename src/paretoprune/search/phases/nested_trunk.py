"""One training for the whole front: smaller models nested in the weights of a larger one.

The first link of a warm chain, the trunk, gets three tenths of the budget. Each of its steps trains
smaller models, too, whose weights are parts of its own (finetune/nested.py), so that what is cut
out of it has been trained already. After Yu and Huang 2019 (Universally Slimmable Networks and
Improved Training Techniques) and Cai et al. 2020 (Once-for-All: Train One Network and Specialize It
for Efficient Deployment). There every model is cut out of the trunk; here out of the next larger
one, as in any chain, since that was the better (docs/search.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.allocation.allocate import allocate
from paretoprune.search.allocation.mutation import Ratios, swap, uniform_step
from paretoprune.search.budget.budget import RemainingBudget, Training
from paretoprune.search.phases.links import Links

_TRUNK = 0.3  # the trunk's share of the budget
_NUM_SIZES = 5  # of nested models, between the trunk and the smallest
_NUM_EXCHANGES = 3  # between two nested models of a size


@dataclass(frozen=True)
class NestedTrunk:
    """A chain whose first link has smaller models trained in its weights."""

    links: Links

    @property
    def origin(self) -> str:
        """Of all its trials."""
        return self.links.origin

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The chain's next link; the first one with nested models, and more of the budget.

        All others start from the first one, and wait for it.
        """
        is_first = not any(result.origin == self.origin for result in results)
        if is_first and any(job.origin == self.origin for job in running):
            return None
        link = self.links.propose(number, results, running, left)
        if link is None or not is_first:
            return link
        nested = self._nested(link.ratios)
        if not nested:
            return link
        training = self._training(left, link.ratios, nested)
        return replace(link, nested=nested, epochs=training.epochs, seconds=training.seconds)

    def waits(
        self, results: Sequence[TrialResult], running: Sequence[Job], left: RemainingBudget
    ) -> bool:
        """As the chain does."""
        return self.links.waits(results, running, left)

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """Return the sentence of the chain."""
        return self.links.ending(results, left)

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """Return the trials whose weights the chain needs."""
        return self.links.needed(results)

    def _training(self, left: RemainingBudget, trunk: Ratios, nested: Sequence[Ratios]) -> Training:
        """Passes for the trunk and those trained along, all together."""
        if left.budget.unit == "trials":  # as many whole trainings as it has of all trials
            return Training(left.trial_epochs * max(1.0, _TRUNK * left.budget.amount))
        macs_of = self.links.context.sizes.macs_of
        # The trunk is in every step, so that it counts for more than one of many.
        return left.training(_TRUNK, macs=(macs_of(trunk) + fmean(map(macs_of, nested))) / 2)

    def _nested(self, trunk: Ratios) -> tuple[Ratios, ...]:
        """The smallest candidate, then different ones of sizes even in their logarithm."""
        sizes = self.links.context.sizes
        random = np.random.default_rng(self.links.context.seed)
        found: list[Ratios] = [{name: rising[-1] for name, rising in sizes.choices.items()}]
        largest = sizes.size_of(trunk)
        for step in range(1, _NUM_SIZES + 1):
            size = largest * (sizes.least / largest) ** (step / (_NUM_SIZES + 1))
            found += self._of_size(size, trunk, random)
        smaller = [ratios for ratios in found if sizes.size_of(ratios) < largest]
        return tuple({tuple(ratios.items()): ratios for ratios in smaller}.values())

    def _of_size(self, size: float, trunk: Ratios, random: np.random.Generator) -> list[Ratios]:
        """By damage, with the same ratio everywhere, and something else, all within the trunk."""
        choices, size_of = self.links.context.sizes.choices, self.links.context.sizes.size_of

        def enough(ratios: Ratios) -> bool:
            return size_of(ratios) <= size

        damage = self.links.context.damage(None)
        by_damage = allocate(damage, choices, size_of, start=trunk, enough=enough)
        other: Ratios = by_damage
        for _ in range(_NUM_EXCHANGES):
            other = swap(other, choices, start=trunk, enough=enough, random=random)
        return [by_damage, uniform_step(choices, start=trunk, enough=enough), other]
