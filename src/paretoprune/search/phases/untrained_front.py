"""Untrained models of the sizes that the chain after it does not train: above its first one.

Where little is removed, compensation leaves little to repair: such a model is good without
training, while the trained models of a short budget begin far below the dense size. If the budget
trains nothing at all, the untrained models cover all sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.results.jobs import UNTRAINED
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.context import SearchContext
from paretoprune.search.front.gaps import Gap, gaps_of, middle

_MOST = 7  # models, if nothing is trained
_MOST_ABOVE = 2  # above the first that is trained
_SHARE = 0.04  # of the budget, where it is time


@dataclass(frozen=True)
class UntrainedFront:
    """Untrained candidates, as many as take a small part of the time."""

    context: SearchContext
    num_sizes: int = 10  # of the chain after it, at most
    origin: str = UNTRAINED

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
        most = _MOST_ABOVE if self._trains(left) else _MOST
        if waits or len(own) >= most or not _affordable(own, results, left):
            return None
        context = self.context
        dense = dict.fromkeys(context.sizes.choices, 0.0)
        damage, divergence = context.damage(None), partial(context.proxy, None)
        for gap in self._gaps(results, left):
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

    def waits(
        self, results: Sequence[TrialResult], running: Sequence[Job], left: RemainingBudget
    ) -> bool:
        """True with one worker; others begin with the links while an untrained model is made."""
        return left.workers == 1 and any(job.origin == self.origin for job in running)

    def _gaps(self, results: Sequence[TrialResult], left: RemainingBudget) -> Iterator[Gap]:
        """The gaps of the front above the first size that is trained, widest first."""
        context, sizes = self.context, self.context.sizes
        first = 0.0
        if self._trains(left):
            first = sizes.between(1 / context.affordable_sizes(self.num_sizes))
        for gap in gaps_of(results, sizes, context.quality, tried=self.origin):
            if gap.larger.size > first:
                smaller = replace(gap.smaller, size=max(first, gap.smaller.size))
                yield replace(gap, smaller=smaller)

    def _trains(self, left: RemainingBudget) -> bool:
        """True if the budget is enough for a training."""
        sizes = self.context.sizes
        dense = sizes.macs_of(dict.fromkeys(sizes.choices, 0.0))
        return left.epochs(1.0, macs=dense) >= self.context.least_epochs

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """There are as many as are worth their time."""
        return "there are as many untrained candidates as are worth their time"

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """Return None: all are cut out of the dense model."""
        return set()


def untrained_front(context: SearchContext, num_sizes: int) -> tuple[UntrainedFront, ...]:
    """The phase as the beginning of a sequence: empty where it is not useful."""
    return (UntrainedFront(context, num_sizes),) if context.has_untrained_front else ()


def _affordable(
    own: Sequence[TrialResult], results: Sequence[TrialResult], left: RemainingBudget
) -> bool:
    """Return True if one more keeps all of them within their share of the time."""
    if left.budget.unit != "seconds" or not own:
        return True
    total = left.budget.amount + _seconds(results)
    return _seconds(own) * (1 + 1 / len(own)) <= _SHARE * total


def _seconds(results: Sequence[TrialResult]) -> float:
    return sum(sum(result.seconds.values()) for result in results)
