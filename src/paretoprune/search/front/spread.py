"""Several trials from all over the front, as different from each other as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import dist

from paretoprune.errors import PickError
from paretoprune.metrics import Direction, scaled, size_and_quality
from paretoprune.results import TrialResult

Point = tuple[float, ...]


def spread(
    members: Sequence[TrialResult], count: int, objectives: Mapping[str, Direction]
) -> list[TrialResult]:
    """`count` members, or all if there are fewer; from the best quality to the smallest size.

    First the one with the best quality, then each time the one that is farthest from all that
    were taken: farthest-first traversal (Gonzalez, "Clustering to minimize the maximum intercluster
    distance", 1985), whose largest gap is at most twice the least possible. Ties go to the lower
    number. The dense model is not taken unless it is all there is.

    Raises:
        PickError: `count` is below 1.
    """
    if count < 1:
        raise PickError(f"`n={count}` must be 1 or more")
    pruned = [member for member in members if member.origin != "dense"] or list(members)
    points = dict(zip([m.number for m in pruned], unit_points(pruned, objectives), strict=True))
    size, quality = size_and_quality(objectives)
    axes = list(objectives)
    taken = [max(points, key=lambda number: (points[number][axes.index(quality)], -number))]
    while len(taken) < min(count, len(points)):
        taken.append(max(points, key=lambda n: (_distance(n, taken, points), -n)))
    by_size = sorted(taken, key=lambda number: (points[number][axes.index(size)], number))
    return [next(m for m in pruned if m.number == number) for number in by_size]


def unit_points(members: Sequence[TrialResult], objectives: Mapping[str, Direction]) -> list[Point]:
    """Every member as a point: each objective from 0 (worst) to 1 (best), sizes by logarithm."""
    columns = [_goodness(members, name, objectives[name]) for name in objectives]
    return list(zip(*columns, strict=True))


def _goodness(members: Sequence[TrialResult], name: str, direction: Direction) -> list[float]:
    sign = 1.0 if direction == "maximize" else -1.0
    values = [sign * scaled(name, member.metrics.measured()[name]) for member in members]
    low, span = min(values), max(values) - min(values)
    return [(value - low) / span if span else 1.0 for value in values]


def _distance(number: int, taken: Sequence[int], points: Mapping[int, Point]) -> float:
    """To the nearest that is taken; -1 for one of these."""
    if number in taken:
        return -1.0
    return min(dist(points[number], points[other]) for other in taken)
