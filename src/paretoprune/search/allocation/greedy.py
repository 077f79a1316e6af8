"""Greedy allocation for a target size at efficient widths.

Latency does not fall with every channel: hardware computes channels in blocks. Widths that are not
faster than a larger width are therefore excluded, and one step may pass several choices of which
each saves too little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from paretoprune.search.allocation.sensitivity import Sensitivity

Ratios = Mapping[str, float]
Choices = Mapping[str, Sequence[float]]  # ratios of each group, increasing from 0

_GAIN = 1e-3  # minimum relative saving of the whole model for a width to be considered
_LOOK_AHEAD = 8  # maximum number of choices of a group that one step passes


def drop_dominated(
    choices: Choices, size_of: Callable[[Ratios], float]
) -> dict[str, tuple[float, ...]]:
    """Return the choices of each group that are smaller than all wider ones, other groups being
    dense."""
    dense = dict.fromkeys(choices, 0.0)
    found = {}
    for name, rising in choices.items():
        kept, least = [rising[0]], size_of(dense)
        for ratio in rising[1:]:
            size = size_of({**dense, name: ratio})
            if size <= least * (1 - _GAIN):
                kept.append(ratio)
                least = size
        found[name] = tuple(kept)
    return found


def loss_of_scores(scores: Mapping[str, Sequence[float]]) -> Sensitivity:
    """Return the damage of removing the lowest-scored channels: the sum of their scores.

    `scores` must be comparable across groups and non-negative. The levels are those of all groups.
    """
    counts = {len(values) for values in scores.values()}
    levels = sorted({channel / count for count in counts for channel in range(count + 1)})
    damage = {}
    for name, values in scores.items():
        lost = np.concatenate([[0.0], np.cumsum(np.sort(np.asarray(values, dtype=float)))])
        at = np.interp(levels, np.linspace(0, 1, len(lost)), lost)
        damage[name] = tuple(float(loss) for loss in at)
    return Sensitivity(tuple(levels), damage)


def greedy_allocation(
    loss: Sensitivity, choices: Choices, size_of: Callable[[Ratios], float], *, target: float
) -> dict[str, float]:
    """Return ratios out of `choices` with a size of at most `target` and a small total loss.

    Greedy, starting from the dense model: each step narrows one group by up to eight choices and
    has the least loss per size saved. Finally, steps that turned out to be unnecessary are undone.
    If the target cannot be reached, the maximum is removed.
    """
    ratios = dict.fromkeys(choices, 0.0)
    size = size_of(ratios)
    while size > target:
        steps = list(_steps(loss, choices, size_of, ratios, size))
        if not steps:
            break
        _, name, ratios[name], size = min(steps)
    return _taken_back(loss, choices, size_of, ratios, target)


def _steps(
    loss: Sensitivity,
    choices: Choices,
    size_of: Callable[[Ratios], float],
    ratios: Ratios,
    size: float,
) -> list[tuple[float, str, float, float]]:
    """Return (loss per size saved, group, ratio, new size) of each step that saves anything."""
    found = []
    for name, rising in choices.items():
        before = loss.at(name, ratios[name])
        for ratio in [r for r in rising if r > ratios[name]][:_LOOK_AHEAD]:
            smaller = size_of({**ratios, name: ratio})
            if smaller < size:
                price = (loss.at(name, ratio) - before) / (size - smaller)
                found.append((price, name, ratio, smaller))
    return found


def _taken_back(
    loss: Sensitivity,
    choices: Choices,
    size_of: Callable[[Ratios], float],
    ratios: dict[str, float],
    target: float,
) -> dict[str, float]:
    """Widen groups again, largest loss first, as long as the target is met."""
    while True:
        wider = [
            (loss.at(name, ratios[name]) - loss.at(name, ratio), name, ratio)
            for name, rising in choices.items()
            for ratio in rising
            if ratio < ratios[name] and size_of({**ratios, name: ratio}) <= target
        ]
        saved, name, ratio = max(wider, default=(0.0, "", 0.0))
        if saved <= 0:
            return ratios
        ratios[name] = ratio
