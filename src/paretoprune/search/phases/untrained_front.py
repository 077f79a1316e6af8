"""Untrained models: large ones, which compensation leaves nearly as good as the dense model.

Each costs a pruning and a validation pass, where a training takes many times as long. Before a
chain, their sizes decrease as long as they retain most of the quality, and the chain begins below
them. If the budget trains nothing at all, they cover all sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.results.jobs import UNTRAINED
from paretoprune.retained import retained
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.context import Ratios, SearchContext
from paretoprune.search.front.gaps import gaps_of, middle, of_size

_MOST = 7  # models
_SHARE = 0.04  # of the budget, where it is time
_SHARE_IF_GOOD = 0.15  # the same while they retain most of the quality, instead of trained models
_GOOD = 0.98  # retained quality; below, training is worth its time
# The same of a quantized model: a pruned one of as many bytes, with more bits, has lost more.
_GOOD_QUANTIZED = 0.9


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
        """The next smaller one before a chain, else the middle of the widest gap, once the one
        before it is measured."""
        own = [result for result in results if result.origin == self.origin]
        waits = any(job.origin == self.origin for job in running)
        trains = self._trains(left)
        if waits or len(own) >= _MOST or not self._affordable(own, results, left):
            return None
        if trains and own and not _is_good(own[-1], results, self.context):
            return None
        ratios = (
            smaller_untrained(self.context, self.num_sizes, own)
            if trains
            else self._inside_gap(results)
        )
        return None if ratios is None else Proposal(ratios, self.origin, epochs=0.0)

    def waits(
        self, results: Sequence[TrialResult], running: Sequence[Job], left: RemainingBudget
    ) -> bool:
        """True with one worker; others begin with the links while an untrained model is made."""
        return left.workers == 1 and any(job.origin == self.origin for job in running)

    def _inside_gap(self, results: Sequence[TrialResult]) -> Ratios | None:
        context = self.context
        for gap in gaps_of(results, context.sizes, context.quality, tried=self.origin):
            ratios = middle(
                gap,
                context.sizes,
                context.damage(None),
                start=context.sizes.start_of(None),
                fits=context.fits,
                divergence=partial(context.proxy, None),
            )
            if ratios is not None:
                return ratios
        return None

    def _trains(self, left: RemainingBudget) -> bool:
        """True if the budget is enough for a training."""
        sizes = self.context.sizes
        dense = sizes.macs_of(sizes.start_of(None))
        return left.epochs(1.0, macs=dense) >= self.context.least_epochs

    def _affordable(
        self, own: Sequence[TrialResult], results: Sequence[TrialResult], left: RemainingBudget
    ) -> bool:
        """True if one more keeps all of them within their share of the time."""
        if left.budget.unit != "seconds" or not own:
            return True
        total = left.budget.amount + _seconds(results)
        share = _SHARE_IF_GOOD if _is_good(own[-1], results, self.context) else _SHARE
        return _seconds(own) * (1 + 1 / len(own)) <= share * total

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """There are as many as are worth their time."""
        return "there are as many untrained candidates as are worth their time"

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """Return None: all are cut out of the dense model."""
        return set()


def smaller_untrained(
    context: SearchContext, num_sizes: int, own: Sequence[TrialResult] = ()
) -> Ratios | None:
    """Return the next smaller candidate after `own`, the untrained ones so far.

    Sizes fall from the dense size in steps of half a link of a chain of `num_sizes` at most. None
    if no candidate of the size fits.
    """
    sizes = context.sizes
    target = sizes.between((len(own) + 1) / (2 * context.affordable_sizes(num_sizes)))
    start = sizes.start_of(None)
    ratios = of_size(target, sizes, context.damage(None), start=start, fits=context.fits)
    size = sizes.size_of(ratios)
    smallest = min((sizes.size_of(result.ratios) for result in own), default=sizes.dense)
    return ratios if size <= target and size < smallest and context.fits(ratios) else None


def smallest_good_size(results: Sequence[TrialResult], context: SearchContext) -> float:
    """Return the size of the smallest untrained model that retains most of the quality.

    The dense size if there is none: a chain begins below. Where bits are searched, these are the
    quantized models of the dense model.
    """
    untrained = [result for result in results if result.origin in ("dense", UNTRAINED)]
    models = [one for r in untrained for one in context.quality.models_of(r, context.sizes)]
    least = _GOOD if context.quality.quantized is None else _GOOD_QUANTIZED
    good = [size for size, value in models if _retained(value, results, context) >= least]
    return min([context.sizes.dense, *good])


def _is_good(result: TrialResult, results: Sequence[TrialResult], context: SearchContext) -> bool:
    return retained_quality(result, results, context) >= _GOOD


def retained_quality(
    result: TrialResult, results: Sequence[TrialResult], context: SearchContext
) -> float:
    """Return the retained quality of a trial; minus infinity if it is not known."""
    value = context.quality.of(result) if result.state == "complete" else None
    return -math.inf if value is None else _retained(value, results, context)


def _retained(value: float, results: Sequence[TrialResult], context: SearchContext) -> float:
    axis = context.quality
    dense = next((axis.of(one) for one in results if one.origin == "dense"), None)
    if axis.trivial is None or dense is None:
        return -math.inf
    return retained(value, axis.trivial, dense)


def untrained_front(context: SearchContext, num_sizes: int) -> tuple[UntrainedFront, ...]:
    """The phase as the beginning of a sequence: empty where it is not useful."""
    return (UntrainedFront(context, num_sizes),) if context.has_untrained_front else ()


def _seconds(results: Sequence[TrialResult]) -> float:
    return sum(sum(result.seconds.values()) for result in results)
