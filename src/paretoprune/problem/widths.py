"""Rounding of pruning ratios to widths, according to the settings of a sweep."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.config.name_patterns import matches
from paretoprune.low_rank.size import RankedSize
from paretoprune.problem.search_space import SearchSpace
from paretoprune.pruning.groups import Group
from paretoprune.pruning.structured.rounding import step_of, widths_for

Ratios = Mapping[str, float]
Rounding = Callable[[Ratios], dict[str, int]]

_NUM_CACHED = 2**16  # widths of single groups


def cap_of(caps: Ratios, name: str) -> float:
    """Return the maximum ratio of a group; rounding never exceeds it."""
    return min([1.0, *matches(caps, name)])


def rounding_of(space: SearchSpace, sparsity: SparsitySettings) -> Rounding:
    """Return the function from ratios to the channels to keep in each group.

    Its rules are prepared once and the widths of single groups cached, since an allocation rounds
    thousands of times. The function raises PruningError for a ratio out of range or of no group.
    """
    groups, ranks = {group.name: group for group in space.groups.prunable}, space.ranks
    divisor, least = (1, 1) if space.layers else (sparsity.divisor, sparsity.min_channels)
    steps = dict.fromkeys(ranks.groups, ranks.divisor) if ranks else {}
    floors = _floors(space.groups.prunable, steps, divisor, sparsity.caps)

    def rounded(selected: Sequence[Group], ratios: Ratios) -> dict[str, int]:
        return widths_for(selected, ratios, divisor=divisor, min_channels=least, steps=steps)

    @lru_cache(maxsize=_NUM_CACHED)
    def width_of(name: str, ratio: float) -> int:
        return max(rounded([groups[name]], {name: ratio})[name], floors.get(name, 0))

    def widths_of(ratios: Ratios) -> dict[str, int]:
        if not ratios.keys() <= groups.keys():
            return rounded(space.groups.prunable, ratios)  # raises
        widths = {name: width_of(name, ratios.get(name, 0.0)) for name in groups}
        if ranks and isinstance(space.size, RankedSize):
            fitted = ranks.fit(widths, space.size.sizes)
            return {name: max(width, floors.get(name, 0)) for name, width in fitted.items()}
        return widths

    return widths_of


def _floors(
    groups: Sequence[Group], steps: Mapping[str, int], divisor: int, caps: Ratios
) -> dict[str, int]:
    """Return the minimum width of each group that the caps allow."""
    floors = {}
    for group in groups if caps else ():
        step = steps.get(group.name) or step_of(group, divisor)
        floor = math.ceil(group.width * (1 - cap_of(caps, group.name)) / step - 1e-9)
        floors[group.name] = min(group.width, floor * step)
    return floors
