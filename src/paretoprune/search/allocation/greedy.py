"""The allocation that meets a target size with the least loss, at widths that are worth having.

Time does not fall with every channel: hardware computes channels in blocks. So widths that are no
faster than a wider one are left out, and a step may jump over several that each save too little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from paretoprune.search.allocation.sensitivity import Sensitivity

Ratios = Mapping[str, float]
Choices = Mapping[str, Sequence[float]]  # the ratios of each group, rising from 0

_GAIN = 1e-3  # a width must make the whole model smaller by this share to be worth having
_LOOK_AHEAD = 8  # choices of a group that one step may pass


def drop_dominated(
    choices: Choices, size_of: Callable[[Ratios], float]
) -> dict[str, tuple[float, ...]]:
    """The choices of each group that are smaller than all wider ones, other groups being dense."""
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
    """The damage of removing the lowest-scored channels: the scores that go, summed up.

    `scores` must be comparable across groups and not negative. The levels are those of all groups.
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
    """Ratios out of `choices` with a size of `target` or less, at little loss.

    Greedy, from the dense model: always the step, of one group and up to eight choices far, that
    loses least for what it saves. In the end steps that turned out not to be needed are taken back.
    Where even everything is not enough, everything is removed that may be.
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
    """For each step that saves something: loss for its saving, group, ratio, the size after it."""
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
    """Widen groups again, most loss first, as long as the target is met."""
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
