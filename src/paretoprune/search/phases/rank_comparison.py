"""Comparison of ranks with channels alone, by one untrained model of each.

Where pruned channels break a network, ranks retain much more of its quality without training; but
networks with pairs take longer to train. So ranks are searched if an untrained model with them is
clearly better than one of the same size with channels alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.results.jobs import UNTRAINED
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.context import Ratios, SearchContext
from paretoprune.search.phases.untrained_front import retained_quality, smaller_untrained
from paretoprune.search.strategies.interface import Strategy

_log = logging.getLogger(__name__)

_MARGIN = 0.03  # of retained quality, by which the model with ranks must be better


@dataclass(frozen=True)
class RankComparison:
    """Two untrained models of one size, then a strategy over the dimensions of the better one.

    That strategy does not see the other model, which is not of its dimensions.
    """

    context: SearchContext
    num_sizes: int  # of a chain, at most
    strategy_of: Callable[[SearchContext], Strategy]

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The model with channels alone, the one with ranks, then what the strategy proposes.

        A model with channels alone that retains nearly all of the quality needs no comparison.
        """
        compared = self._compared(results)
        if not self._is_decided(compared, results):
            if any(job.origin == UNTRAINED for job in running):
                return None
            return Proposal(self._candidates[len(compared)], UNTRAINED, epochs=0.0)
        strategy, own = self._chosen(results)
        return strategy.propose(number, own, running, left)

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """That of the strategy."""
        strategy, own = self._chosen(results)
        return strategy.ending(own, left)

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """All that the strategy needs."""
        strategy, own = self._chosen(results)
        return strategy.needed(own)

    def _is_decided(self, compared: Sequence[TrialResult], results: Sequence[TrialResult]) -> bool:
        """True if both were compared, or if ranks could not be better by the margin."""
        if len(compared) == 1:
            return retained_quality(compared[0], results, self.context) >= 1 - _MARGIN
        return len(compared) >= len(self._candidates)

    @cached_property
    def _candidates(self) -> tuple[Ratios, ...]:
        """The candidates to compare; none if the limits exclude one of them."""
        contexts = (self.context.without_ranks(), self.context)
        found = [smaller_untrained(each, self.num_sizes) for each in contexts]
        return tuple(ratios for ratios in found if ratios is not None and None not in found)

    @cached_property
    def _of_channels(self) -> Strategy:
        return self.strategy_of(self.context.without_ranks())

    @cached_property
    def _with_ranks(self) -> Strategy:
        _log.info("an untrained model is better with ranks: they are searched, too")
        return self.strategy_of(self.context)

    def _chosen(self, results: Sequence[TrialResult]) -> tuple[Strategy, list[TrialResult]]:
        """Return the strategy over the better dimensions, and the results that it may see."""
        compared = self._compared(results)
        if len(compared) < 2:
            return self._of_channels, list(results)
        channels, ranks = compared
        retained = [retained_quality(one, results, self.context) for one in compared]
        better = retained[1] > retained[0] + _MARGIN
        hidden = channels if better else ranks
        own = [result for result in results if result.number != hidden.number]
        return self._with_ranks if better else self._of_channels, own

    def _compared(self, results: Sequence[TrialResult]) -> list[TrialResult]:
        """Return the first untrained models of both kinds, as far as they are finished."""
        untrained = [result for result in results if result.origin == UNTRAINED]
        with_ranks = [
            r for r in untrained if any(r.ratios.get(n) for n in self.context.sizes.ranks)
        ]
        of_channels = [result for result in untrained if result not in with_ranks]
        return [*of_channels[:1], *with_ranks[:1]]


def with_ranks_if_better(
    context: SearchContext, num_sizes: int, strategy_of: Callable[[SearchContext], Strategy]
) -> Strategy:
    """Return the strategy, after a comparison where the search is to decide about ranks."""
    if context.compares_ranks:
        return RankComparison(context, num_sizes, strategy_of)
    return strategy_of(context)
