"""The default: a few untrained models, a warm chain ranked by gate gradients, then the gaps."""

from __future__ import annotations

from paretoprune.config.targets.signatures import declares
from paretoprune.config.values import Positive, Ratio
from paretoprune.search.context import SearchContext
from paretoprune.search.phases.gap_filling import GapFilling
from paretoprune.search.phases.links import SPARE, Links
from paretoprune.search.phases.rank_comparison import with_ranks_if_better
from paretoprune.search.phases.sequence import StrategySequence
from paretoprune.search.phases.untrained_front import untrained_front
from paretoprune.search.strategies.interface import Strategy


@declares("uses_gate_scores", "compares_ranks")
def auto(context: SearchContext, *, num_sizes: Positive = 10, min_gain: Ratio = 0.001) -> Strategy:
    """Return a chain of at most `num_sizes` links, then gaps that can add `min_gain` of the area.

    Damage is the sum of squared gate gradients (Molchanov et al. 2019), collected while the parent
    is trained.
    """

    def phases(context: SearchContext) -> Strategy:
        links = Links(context, "auto", num_sizes, spare=SPARE)
        gaps = GapFilling(context, min_gain=min_gain)
        return StrategySequence((*untrained_front(context, num_sizes), links, gaps))

    return with_ranks_if_better(context, num_sizes, phases)
