"""The search over ratios: candidates, limits, the front, and the study that remembers it all."""

from paretoprune.search.baselines import (
    baselines,
    global_ratios,
    repair_ratios,
    uniform,
    uniform_ratios,
)
from paretoprune.search.budget import Left
from paretoprune.search.front import front_of, hypervolume, non_dominated, objective_values
from paretoprune.search.gaps import Quality
from paretoprune.search.least_loss import least_loss, loss_of_scores, worthwhile
from paretoprune.search.ledger import Ledger
from paretoprune.search.limits import broken_limits
from paretoprune.search.measures import Yardstick, attained, box_hypervolume, retained_area
from paretoprune.search.open_study import check_storage
from paretoprune.search.pace import Pace, Paces, foretold_seconds
from paretoprune.search.paths import (
    Path,
    different_places,
    erdos_renyi_path,
    first_that_fits,
    ranking_path,
    sensitivity_path,
    uniform_path,
)
from paretoprune.search.running_front import RunningFront
from paretoprune.search.sensitivity import Sensitivity, distinct_ratios, measure_sensitivity
from paretoprune.search.sizes import Sizes, affordable_sizes
from paretoprune.search.strategies import (
    Chain,
    Drop,
    Family,
    Full,
    Halving,
    InTurn,
    Refill,
    Shared,
    Sketch,
    Strategy,
)

__all__ = [
    "Chain",
    "Drop",
    "Family",
    "Full",
    "Halving",
    "InTurn",
    "Ledger",
    "Left",
    "Pace",
    "Paces",
    "Path",
    "Quality",
    "Refill",
    "RunningFront",
    "Sensitivity",
    "Shared",
    "Sizes",
    "Sketch",
    "Strategy",
    "Yardstick",
    "affordable_sizes",
    "attained",
    "baselines",
    "box_hypervolume",
    "broken_limits",
    "check_storage",
    "different_places",
    "distinct_ratios",
    "erdos_renyi_path",
    "first_that_fits",
    "foretold_seconds",
    "front_of",
    "global_ratios",
    "hypervolume",
    "least_loss",
    "loss_of_scores",
    "measure_sensitivity",
    "non_dominated",
    "objective_values",
    "ranking_path",
    "repair_ratios",
    "retained_area",
    "sensitivity_path",
    "uniform",
    "uniform_path",
    "uniform_ratios",
    "worthwhile",
]
