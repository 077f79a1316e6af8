"""The strongest simple control: a warm chain of uniform candidates."""

from __future__ import annotations

from paretoprune.config.targets.signatures import declares
from paretoprune.config.values import Positive
from paretoprune.search.allocation.baselines import uniform_ratios
from paretoprune.search.context import Ratios, SearchContext
from paretoprune.search.phases.link_allocation import Step
from paretoprune.search.phases.links import Links
from paretoprune.search.strategies.interface import Strategy


@declares("uses_gate_scores")  # so that which channels of a group go is decided as in `auto`
def uniform_chain(context: SearchContext, *, num_sizes: Positive = 10) -> Strategy:
    """Return a strategy of at most `num_sizes` models, each pruned from the one trained before.

    All that differs from the chain of `auto` is the allocation: the same ratio for every group.
    """
    return Links(context, "uniform_chain", num_sizes, allocate=_uniform)


def _uniform(context: SearchContext, step: Step) -> Ratios:
    """Return the largest uniform candidate that is small enough and within the limits."""
    return uniform_ratios(context.groups, step.enough, max_ratio=context.max_ratio)
