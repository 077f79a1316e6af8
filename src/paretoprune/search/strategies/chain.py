"""The chain of `auto`, with a sensitivity map of the dense model in place of gate gradients."""

from __future__ import annotations

from paretoprune.config.values import Positive, Ratio
from paretoprune.search.context import SearchContext
from paretoprune.search.phases.gap_filling import GapFilling
from paretoprune.search.phases.links import SPARE, Links
from paretoprune.search.phases.sequence import StrategySequence
from paretoprune.search.phases.untrained_front import untrained_front
from paretoprune.search.strategies.interface import Strategy


def chain(context: SearchContext, *, num_sizes: Positive = 10, min_gain: Ratio = 0.001) -> Strategy:
    """At most `num_sizes` links, then gaps of the front that can add `min_gain` of its area."""
    links = Links(context, "chain", num_sizes, spare=SPARE)
    return StrategySequence(
        (*untrained_front(context, num_sizes), links, GapFilling(context, min_gain=min_gain))
    )
