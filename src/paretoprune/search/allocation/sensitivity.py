"""Damage of pruning a group: measured one group at a time, or the sum of the scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from paretoprune.results import GroupInfo

Ratios = Mapping[str, float]


class Damage(Protocol):
    """The predicted damage of removing channels of one group, the cost function of `allocate`.

    Damage is additive over groups and must not decrease as the ratio rises. The unit is free
    (divergence in nats, sum of scores) but must be comparable across groups. Implementations:
    `Sensitivity` (measured) and `ChannelDamage` (from scores).
    """

    def at(self, name: str, ratio: float) -> float:
        """Return the damage when `ratio` of the dense group's channels are removed;
        non-decreasing."""


@dataclass(frozen=True)
class Sensitivity:
    """Divergence of the outputs when channels of a single group are removed, for each group.

    `levels` are ratios that begin with 0, `damage[name]` the divergence in nats at each of them.
    """

    levels: tuple[float, ...]
    damage: Mapping[str, tuple[float, ...]]

    def at(self, name: str, ratio: float) -> float:
        """Return the interpolated damage at any ratio; non-decreasing."""
        values = np.maximum.accumulate(np.asarray(self.damage[name]))
        return float(np.interp(ratio, self.levels, values))


@dataclass(frozen=True)
class ChannelDamage:
    """Sum of the scores of the removed channels, lowest first.

    Channels already removed in the parent cost nothing: `totals[name][n]` is the cost of removing
    the first n channels of those that the parent still has.
    """

    totals: Mapping[str, NDArray[np.float64]]
    width_of: Callable[[str, float], int]  # of one group at a ratio

    @classmethod
    def of(
        cls,
        scores: Mapping[str, Sequence[float]],
        widths_of: Callable[[Ratios], Mapping[str, int]],
    ) -> ChannelDamage:
        """Build from the scores of the parent's remaining channels."""
        return cls(
            {n: np.cumsum([0.0, *sorted(values)]) for n, values in scores.items()},
            cache(lambda name, ratio: widths_of({name: ratio})[name]),
        )

    def at(self, name: str, ratio: float) -> float:
        """Return the damage when `ratio` of the dense group's channels are removed."""
        totals = self.totals[name]
        # The parent may have fewer: ranks end below the break-even rank of its narrow channels.
        removed = max(0, len(totals) - 1 - self.width_of(name, ratio))
        return float(totals[removed])


def measure_sensitivity(
    groups: Sequence[GroupInfo],
    divergence: Callable[[Ratios], float],
    *,
    levels: Sequence[float],
) -> Sensitivity:
    """Prune one group at a time: `len(groups) * len(levels)` calls of `divergence`."""
    dense = {group.name: 0.0 for group in groups}
    damage = {
        group.name: (0.0, *(divergence({**dense, group.name: level}) for level in levels))
        for group in groups
    }
    return Sensitivity((0.0, *levels), damage)


def distinct_ratios(
    groups: Sequence[GroupInfo],
    widths_of: Callable[[Ratios], Mapping[str, int]],
    *,
    max_ratio: float,
    most: int = 4096,
) -> dict[str, tuple[float, ...]]:
    """Return the smallest ratio of every possible width, for each group, increasing from 0.

    For groups with more than `most` channels (or weights), about `most` widths are sampled.
    """
    found = {}
    for group in groups:
        by_width: dict[int, float] = {}
        most_removed = group.most(max_ratio)
        step = max(1, group.width // most)
        counts = [count / group.width for count in range(0, group.width, step)]
        for ratio in (r for r in [*counts, most_removed] if r <= most_removed):
            by_width.setdefault(widths_of({group.name: ratio})[group.name], ratio)
        found[group.name] = tuple(sorted(by_width.values()))
    return found
