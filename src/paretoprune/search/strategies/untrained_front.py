"""A first front within seconds: cuts of the dense model, compensated and not trained.

Kept weights that make up for what went leave little to repair where little goes. So a handful of
such cuts, each in the widest gap of the front so far, is soon ahead of what whole fine-tunes of
sampled candidates come to; and what trains later starts from a front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from paretoprune.results import SKETCH, Job, Proposal, TrialResult
from paretoprune.search.allocation.sensitivity import Damage, Ratios
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.front.gaps import FrontAxis, gaps_of, middle

_MOST = 7
_SHARE = 0.08  # of the budget, where it is time


@dataclass(frozen=True)
class UntrainedFront:
    """Untrained candidates, as many as take a small part of the time."""

    sizes: Sizes
    quality: FrontAxis
    fits: Callable[[Ratios], bool]  # the limits that are known without training
    damage: Callable[[TrialResult | None], Damage]  # to the dense model, for None
    origin: str = SKETCH
    proxy: Callable[[int | None, Ratios], float] | None = None  # of allocations, where ranks can go

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The middle of the widest gap, once the one before it is measured."""
        own = [result for result in results if result.origin == self.origin]
        waits = any(job.origin == self.origin for job in running)
        if waits or len(own) == _MOST or not _affordable(own, results, left):
            return None
        dense = dict.fromkeys(self.sizes.choices, 0.0)
        damage = self.damage(None)
        for gap in gaps_of(results, self.sizes, self.quality, tried=self.origin):
            hurt = partial(self.proxy, None) if self.proxy else None
            ratios = middle(gap, self.sizes, damage, start=dense, fits=self.fits, hurt=hurt)
            if ratios is not None:
                return Proposal(ratios, self.origin, epochs=0.0)
        return None

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """There are as many as are worth their time."""
        return "there are as many untrained candidates as are worth their time"

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """None: all are cut out of the dense model."""
        return set()


def _affordable(
    own: Sequence[TrialResult], results: Sequence[TrialResult], left: RemainingBudget
) -> bool:
    """Whether one more keeps all of them within their share of the time."""
    if left.budget.unit != "seconds" or not own:
        return True
    total = left.budget.amount + _seconds(results)
    return _seconds(own) * (1 + 1 / len(own)) <= _SHARE * total


def _seconds(results: Sequence[TrialResult]) -> float:
    return sum(sum(result.seconds.values()) for result in results)
