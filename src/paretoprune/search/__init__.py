"""The search over ratios: candidates, limits, the front, and the study that remembers it all."""

from paretoprune.search.baselines import (
    baselines,
    global_ratios_that_fit,
    repair_ratios,
    uniform,
    uniform_ratios,
)
from paretoprune.search.front import front_numbers, hypervolume, non_dominated
from paretoprune.search.ledger import Ledger, objective_values
from paretoprune.search.limits import broken_limits

__all__ = [
    "Ledger",
    "baselines",
    "broken_limits",
    "front_numbers",
    "global_ratios_that_fit",
    "hypervolume",
    "non_dominated",
    "objective_values",
    "repair_ratios",
    "uniform",
    "uniform_ratios",
]
