"""A first front within seconds: cuts of the dense model, compensated and not trained.

Kept weights that make up for what went leave little to repair where little goes. So a handful of
such cuts, each in the widest gap of the front so far, is soon ahead of what whole fine-tunes of
sampled candidates come to; and what trains later starts from a front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from paretoprune.results import SKETCH, Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.context import SearchContext
from paretoprune.search.front.gaps import gaps_of, middle

_MOST = 7
_SHARE = 0.04  # of the budget, where it is time


@dataclass(frozen=True)
class UntrainedFront:
    """Untrained candidates, as many as take a small part of the time."""

    context: SearchContext
    origin: str = SKETCH

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
        context = self.context
        dense = dict.fromkeys(context.sizes.choices, 0.0)
        damage, divergence = context.damage(None), partial(context.proxy, None)
        for gap in gaps_of(results, context.sizes, context.quality, tried=self.origin):
            ratios = middle(
                gap,
                context.sizes,
                damage,
                start=dense,
                fits=context.fits,
                divergence=divergence,
            )
            if ratios is not None:
                return Proposal(ratios, self.origin, epochs=0.0)
        return None

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """There are as many as are worth their time."""
        return "there are as many untrained candidates as are worth their time"

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """None: all are cut out of the dense model."""
        return set()


def untrained_front(context: SearchContext) -> tuple[UntrainedFront, ...]:
    """The phase as the beginning of a sequence: empty where it is not useful."""
    return (UntrainedFront(context),) if context.has_untrained_front else ()


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
