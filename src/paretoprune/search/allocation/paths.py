"""Allocation paths: monotone sequences of allocations from the dense model to the smallest one.

Each allocation method defines a path. The target of a single run is the first place on the path
that is small enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from paretoprune.results import GroupInfo
from paretoprune.search.allocation.allocate import allocate
from paretoprune.search.allocation.sensitivity import Sensitivity

Ratios = Mapping[str, float]
WidthsOf = Callable[[Ratios], Mapping[str, int]]

_FINE = 10_000  # number of places on a continuous path


@dataclass(frozen=True)
class Path:
    """A monotone sequence of allocations, made by the functions of this module.

    `at(0)` removes nothing, and each place removes at least as much of every group as the previous
    one. Places are integers from 0 to `length` - 1.
    """

    length: int
    at: Callable[[int], dict[str, float]]


def uniform_path(groups: Sequence[GroupInfo], *, max_ratio: float) -> Path:
    """Return the path with the same ratio for every group, limited by its cap."""

    def at(place: int) -> dict[str, float]:
        return {g.name: g.uniform(min(place / _FINE, max_ratio)) for g in groups}

    return Path(round(max_ratio * _FINE) + 1, at)


def erdos_renyi_path(
    groups: Sequence[GroupInfo], factors: Mapping[str, float], *, max_ratio: float
) -> Path:
    """Return the path on which the kept share of a group is proportional to its factor, up to 1.

    With the factors (sum of a weight's dimensions) / (their product) it is the Erdos-Renyi kernel
    of Evci et al. 2020 (Rigging the Lottery, section 3): large layers lose a larger share.
    """
    whole = 1 / min(factors.values())  # the scale at which every group is complete

    def at(place: int) -> dict[str, float]:
        scale = whole * (1 - place / _FINE)
        kept = {g.name: min(1.0, scale * factors[g.name]) for g in groups}
        return {g.name: min(1 - kept[g.name], g.most(max_ratio)) for g in groups}

    return Path(_FINE + 1, at)


def ranking_path(
    groups: Sequence[GroupInfo], scores: Mapping[str, Sequence[float]], *, max_ratio: float
) -> Path:
    """Return the path of a rising global score threshold; scores must be comparable
    across groups."""
    ordered = {name: np.sort(np.asarray(values)) for name, values in scores.items()}
    thresholds = [-np.inf, *np.unique(np.concatenate(list(ordered.values()))).tolist()]

    def at(place: int) -> dict[str, float]:
        below = {
            g.name: np.searchsorted(ordered[g.name], thresholds[place], side="right")
            for g in groups
        }
        return {
            g.name: min(float(below[g.name]) / len(ordered[g.name]), g.most(max_ratio))
            for g in groups
        }

    return Path(len(thresholds), at)


def sensitivity_path(
    sensitivity: Sensitivity,
    choices: Mapping[str, Sequence[float]],
    size_of: Callable[[Ratios], float],
) -> Path:
    """Return the path of greedy steps with the least damage per size saved; see `allocate`."""
    places: list[dict[str, float]] = []

    def record(ratios: Ratios) -> bool:
        places.append(dict(ratios))
        return False

    allocate(sensitivity, choices, size_of, start=dict.fromkeys(choices, 0.0), enough=record)
    return Path(len(places), places.__getitem__)


def first_place(length: int, fits: Callable[[int], bool]) -> int:
    """Return the first of 0 to `length` - 1 that fits, by bisection; the last if none does.

    `fits` must be monotone.
    """
    low, high = 0, length - 1
    while low < high:
        middle = (low + high) // 2
        if fits(middle):
            high = middle
        else:
            low = middle + 1
    return low


def first_fitting(
    path: Path, fits: Callable[[Ratios], bool], widths_of: WidthsOf
) -> dict[str, float]:
    """Return the first place that fits, with only the necessary part of its last step.

    If several groups become narrower in one step, the unnecessary ones are restored one by one, so
    that no single group could be one step wider. `fits` must stay true as more is removed. If
    nothing fits, the end of the path is returned.
    """
    place = first_place(path.length, lambda place: fits(path.at(place)))
    ratios, before = path.at(place), path.at(max(place - 1, 0))
    widths, wider = widths_of(ratios), widths_of(before)
    for name in ratios:
        if widths[name] != wider[name] and fits({**ratios, name: before[name]}):
            ratios[name] = before[name]
    return ratios


def different_places(path: Path, widths_of: WidthsOf, *, most: int) -> list[dict[str, float]]:
    """Return up to `most` places with different widths, evenly spread, without the first."""
    found: list[dict[str, float]] = []
    last = dict(widths_of(path.at(0)))
    for place in range(1, path.length):
        ratios = path.at(place)
        widths = dict(widths_of(ratios))
        if widths != last:
            found.append(ratios)
            last = widths
    step = max(1, -(-len(found) // most))
    return found[::-1][::step][::-1]
