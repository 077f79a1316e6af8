"""How much each group matters, and from that an allocation for a given size."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from paretoprune.results import GroupInfo

Ratios = Mapping[str, float]

_FIRST_RANKS = 6  # about so many, of which a whole layer can take the first


class Damage(Protocol):
    """How much it hurts to remove channels of one group."""

    def at(self, name: str, ratio: float) -> float:
        """The damage when `ratio` of the dense group's channels are gone; it never falls."""


@dataclass(frozen=True)
class Sensitivity:
    """For each group, how far the outputs move when channels of this group alone are removed.

    `levels` are ratios that begin with 0, `damage[name]` the divergence at each of them.
    """

    levels: tuple[float, ...]
    damage: Mapping[str, tuple[float, ...]]

    def at(self, name: str, ratio: float) -> float:
        """The damage at any ratio, interpolated. It never falls as the ratio rises."""
        values = np.maximum.accumulate(np.asarray(self.damage[name]))
        return float(np.interp(ratio, self.levels, values))


@dataclass(frozen=True)
class ChannelDamage:
    """The sum of the scores of the channels that go, the lowest first; what is gone costs nothing.

    `totals[name][n]` is what the first n channels cost, of those that the parent still has.
    """

    totals: Mapping[str, NDArray[np.float64]]
    widths_of: Callable[[Ratios], Mapping[str, int]]

    @classmethod
    def of(
        cls,
        scores: Mapping[str, Sequence[float]],
        widths_of: Callable[[Ratios], Mapping[str, int]],
    ) -> ChannelDamage:
        """From the scores of the channels that are left."""
        return cls(
            {n: np.cumsum([0.0, *sorted(values)]) for n, values in scores.items()}, widths_of
        )

    def at(self, name: str, ratio: float) -> float:
        """The damage when `ratio` of the dense group's channels are gone."""
        totals = self.totals[name]
        return float(totals[len(totals) - 1 - self.widths_of({name: ratio})[name]])


def measure_sensitivity(
    groups: Sequence[GroupInfo],
    divergence: Callable[[Ratios], float],
    *,
    levels: Sequence[float],
) -> Sensitivity:
    """Remove from one group at a time: `len(groups) * len(levels)` calls of `divergence`."""
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
    """For each group the smallest ratio of every width that it can have, rising from 0.

    Of groups with more channels (or weights) than `most`, about so many widths.
    """
    found = {}
    for group in groups:
        by_width: dict[int, float] = {}
        step = max(1, group.width // most)
        counts = [count / group.width for count in range(0, group.width, step)]
        for ratio in (r for r in [*counts, max_ratio] if r <= max_ratio):
            by_width.setdefault(widths_of({group.name: ratio})[group.name], ratio)
        found[group.name] = tuple(sorted(by_width.values()))
    return found


def allocate(
    damage: Damage,
    choices: Mapping[str, Sequence[float]],
    size_of: Callable[[Ratios], float],
    *,
    start: Ratios,
    enough: Callable[[Ratios], bool],
    ranks: Collection[str] = (),
) -> dict[str, float]:
    """From `start`, remove where it does the least damage per size saved, until it is `enough`.

    Greedy: one step of one group at a time along its `choices` (from `distinct_ratios`). Ratios
    only grow, so the allocations of falling targets are nested when each starts from the last.
    Where it is never enough, everything is removed that may be.

    The first step of `ranks`, from a whole layer, may pass over choices: the largest rank below
    break-even loses components and saves next to nothing, so that step by step no layer would be
    factored.
    """
    ratios = dict(start)
    size = size_of(ratios)
    while not enough(ratios):
        best = None
        for name, ratio in _next_steps(ratios, choices, ranks):
            smaller = size_of({**ratios, name: ratio})
            more = damage.at(name, ratio) - damage.at(name, ratios[name])
            # A start between two choices may have the size of the next one: that step is free.
            each = more / (size - smaller) if smaller < size else -math.inf
            offer = (each, name, ratio, smaller)
            best = offer if best is None else min(best, offer)
        if best is None:
            break
        _, name, ratios[name], size = best
    return ratios


def _next_steps(
    ratios: Ratios, choices: Mapping[str, Sequence[float]], ranks: Collection[str]
) -> Iterator[tuple[str, float]]:
    """The next larger ratio of every group that has one; of ranks of whole layers a few others."""
    for name, rising in choices.items():
        larger = [ratio for ratio in rising if ratio > ratios[name]]
        if name in ranks and ratios[name] < rising[min(1, len(rising) - 1)]:
            every = max(1, len(larger) // _FIRST_RANKS)
            yield from ((name, ratio) for ratio in larger[::every])
        elif larger:
            yield name, larger[0]
