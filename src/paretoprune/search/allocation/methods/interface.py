"""The interface of allocations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import GroupInfo
from paretoprune.search.allocation.paths import Path, first_fitting
from paretoprune.search.allocation.sensitivity import Sensitivity

__all__ = ["Allocation", "AllocationContext", "Path"]

Ratios = Mapping[str, float]


@dataclass(frozen=True)
class AllocationContext:
    """The dense network as an allocation sees it: names, numbers and functions.

    `Ratios` map the name of a group to the share of its channels that is removed, in [0, 1).
    Functions without arguments compute when they are first called.
    """

    groups: Sequence[GroupInfo]
    max_ratio: float  # the most that may be removed from one group
    # Importance of each channel (or weight) by group, higher is more important; those of channels
    # are divided by the mean of their group.
    scores: Mapping[str, Sequence[float]]
    shapes: Mapping[str, Sequence[tuple[int, ...]]]  # of the weights that belong to a group
    size_of: Callable[[Ratios], float]  # the quantity of the target; falls as ratios grow
    widths_of: Callable[[Ratios], Mapping[str, int]]  # the channels to keep, rounded
    choices: Callable[[], Mapping[str, Sequence[float]]]  # the ratios that differ in width, rising
    sensitivity: Callable[[], Sensitivity]  # divergence by group, measured on training samples


class Allocation(ABC):
    """Divides the target of a single run among the groups.

    The `_target_` of `allocation` is a subclass; its fields are its options, given as
    `allocation.NAME=...`. It is built once per run, after the dense model was trained and scored,
    and only where the target is a size (`sparsity.macs=0.5`) or a drop of the quality
    (`sparsity.max_drop=1%`). A search distributes sizes by its own strategy.

    `path` alone has to be defined. A method that reaches a single size in a better way than along
    its path, such as a greedy one that takes back unnecessary steps, overrides `of_size` as well.
    """

    @abstractmethod
    def path(self, context: AllocationContext, /) -> Path:
        """Return the allocations from the dense model (place 0) to the smallest one.

        Each place must remove at least as much of every group as the one before, and at most
        `group.most(context.max_ratio)`; the same context must give the same path. The places are
        the candidates of a bisection for the quality.
        """

    def of_size(self, context: AllocationContext, most: float, /) -> Ratios:
        """Return the ratios of the largest candidate with `context.size_of` at most `most`.

        The smallest candidate if none is. By default the first place of the path that fits, without
        the unnecessary parts of its last step.
        """
        path = self.path(context)
        return first_fitting(
            path, lambda ratios: context.size_of(ratios) <= most, context.widths_of
        )
