"""Uniform pruning: the same ratio for every group, at one size after the other."""

from __future__ import annotations

from paretoprune.config.values import Positive
from paretoprune.search.context import SearchContext
from paretoprune.search.phases.one_parameter import OneParameter
from paretoprune.search.strategies.interface import Strategy


def uniform(context: SearchContext, *, num_sizes: Positive = 10) -> Strategy:
    """Return a strategy of at most `num_sizes` models, each pruned from the dense model."""
    return OneParameter(context, "uniform", context.uniform_of_size, num_sizes)
