"""Context of a strategy: names, numbers and functions of the network, the sweep, its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from paretoprune.metrics import Direction
from paretoprune.results import GroupInfo, Proposal, TrialResult
from paretoprune.search.allocation.sensitivity import Damage
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.search.budget.budget import Training
from paretoprune.search.front.gaps import FrontAxis

Ratios = Mapping[str, float]


class Ask(Protocol):
    """Asks the sampler of the sweep's study, if the strategy has an option `sampler`."""

    def __call__(self, number: int, *, repair: Callable[[Ratios], Ratios]) -> Proposal:
        """The sampler's proposal for trial `number`, changed by `repair` to meet the limits."""


@dataclass(frozen=True)
class SearchContext:
    """Passed to a strategy as `context` when a sweep starts; it contains no network and no tensor.

    `Ratios` map the name of a group to the share of its channels that is removed, in [0, 1).
    Functions that train or measure do so when they are first called, and remember the result.
    """

    groups: Sequence[GroupInfo]  # the dimensions of the search
    objectives: Mapping[str, Direction]
    sizes: Sizes  # size and MACs of ratios, and the ratios that are different models
    quality: FrontAxis  # the first objective that is a quality
    max_ratio: float  # the most that may be removed from one group
    seed: int
    num_first: int  # trials before those of the strategy: the dense model and the baselines
    fits: Callable[[Ratios], bool]  # True if the limits that are known without training are met
    # Predicted loss of removing channels of a trial's model; of the dense model for None.
    damage: Callable[[TrialResult | None], Damage]
    # Divergence of the outputs, before training, of a trial's model pruned to these ratios.
    proxy: Callable[[int | None, Ratios], float]
    uniform_of_size: Callable[[float], Ratios]  # the largest uniform candidate of at most a size
    global_of_size: Callable[[float], Ratios]  # the same of a global ranking by score
    affordable_sizes: Callable[[int], int]  # at most as many sizes, fewer if the budget is short
    has_untrained_front: bool  # True if untrained candidates are useful and do not take trials
    ask: Ask
    # True if ranks are searched only where untrained models with them are better.
    compares_ranks: bool = False
    # Validation loss of a trial's model pruned to these ratios, after a short training.
    rung: Callable[[int | None, Ratios, Training], float] | None = None
    least_epochs: float = 0.0  # of a training that is of use; a shorter one is not begun

    def without_ranks(self) -> SearchContext:
        """Return the context of a search over channels alone."""
        return replace(self, sizes=self.sizes.without_ranks())
