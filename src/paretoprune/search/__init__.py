"""The search over ratios: candidates, limits, the front, and the study that remembers it all."""

from paretoprune.search.baselines import (
    baselines,
    global_ratios_that_fit,
    repair_ratios,
    uniform,
    uniform_ratios,
)
from paretoprune.search.budget import Left
from paretoprune.search.front import front_of, hypervolume, non_dominated, objective_values
from paretoprune.search.ledger import Ledger
from paretoprune.search.limits import broken_limits
from paretoprune.search.pace import Pace, pace_at
from paretoprune.search.sensitivity import distinct_ratios, measure_sensitivity
from paretoprune.search.sizes import Sizes
from paretoprune.search.strategies import Chain, Family, Full, Halving, Strategy

__all__ = [
    "Chain",
    "Family",
    "Full",
    "Halving",
    "Ledger",
    "Left",
    "Pace",
    "Sizes",
    "Strategy",
    "baselines",
    "broken_limits",
    "distinct_ratios",
    "front_of",
    "global_ratios_that_fit",
    "hypervolume",
    "measure_sensitivity",
    "non_dominated",
    "objective_values",
    "pace_at",
    "repair_ratios",
    "uniform",
    "uniform_ratios",
]
