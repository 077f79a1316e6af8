"""The chain of `auto`, whose first model is trained together with smaller ones in its weights."""

from __future__ import annotations

from paretoprune.config.targets.signatures import declares
from paretoprune.config.values import Positive, Ratio
from paretoprune.search.context import SearchContext
from paretoprune.search.phases.gap_filling import GapFilling
from paretoprune.search.phases.links import SPARE, Links
from paretoprune.search.phases.nested_trunk import NestedTrunk
from paretoprune.search.phases.sequence import StrategySequence
from paretoprune.search.phases.untrained_front import untrained_front
from paretoprune.search.strategies.interface import Strategy


@declares("uses_gate_scores", "trains_nested")
def shared(
    context: SearchContext, *, num_sizes: Positive = 10, min_gain: Ratio = 0.001
) -> Strategy:
    """Return a chain of `num_sizes` links at most, then gaps that add `min_gain` of the area."""
    links = NestedTrunk(Links(context, "shared", num_sizes, spare=SPARE))
    return StrategySequence(
        (*untrained_front(context, num_sizes), links, GapFilling(context, min_gain=min_gain))
    )
