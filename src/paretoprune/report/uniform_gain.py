"""How much better a point is than uniform pruning at the same size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from paretoprune.metrics import Direction, size_and_quality
from paretoprune.results import Metrics, TrialResult


def gain_over_uniform(
    size: float,
    quality: float,
    uniform_points: Sequence[tuple[float, float]],
    *,
    direction: Direction = "maximize",
) -> float | None:
    """Quality won over uniform pruning of the same size; positive is better.

    Uniform pruning's quality is interpolated linearly in the logarithm of the size between its
    measured points (size, quality). None where the size lies outside of them.
    """
    uniform = _interpolated(size, uniform_points, direction)
    if uniform is None:
        return None
    return quality - uniform if direction == "maximize" else uniform - quality


def uniform_points(
    results: Sequence[TrialResult], dense: Metrics, objectives: Mapping[str, Direction]
) -> list[tuple[float, float]]:
    """The points (size, quality) of uniform pruning, the dense model as ratio 0 included."""
    size, quality = size_and_quality(objectives)
    measured = [dense.measured()]
    measured += [result.metrics.measured() for result in results if result.origin == "uniform"]
    return sorted((m[size], m[quality]) for m in measured if size in m and quality in m)


def gain_of(
    result: TrialResult, points: Sequence[tuple[float, float]], objectives: Mapping[str, Direction]
) -> float | None:
    """A trial's gain over uniform pruning, in the unit of the quality; None where unknown."""
    size, quality = size_and_quality(objectives)
    measured = result.metrics.measured()
    if size not in measured or quality not in measured:
        return None
    direction = objectives[quality]
    return gain_over_uniform(measured[size], measured[quality], points, direction=direction)


def _interpolated(
    size: float, points: Sequence[tuple[float, float]], direction: Direction
) -> float | None:
    best = max if direction == "maximize" else min
    by_size: dict[float, float] = {}
    for known, quality in points:
        by_size[known] = best(quality, by_size.get(known, quality))
    if size in by_size:
        return by_size[size]
    left = max((known for known in by_size if 0 < known < size), default=None)
    right = min((known for known in by_size if known > size), default=None)
    if left is None or right is None:
        return None
    share = math.log(size / left) / math.log(right / left)
    return by_size[left] + share * (by_size[right] - by_size[left])
