"""Selection of a diverse subset of the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import dist

from paretoprune.errors import PickError
from paretoprune.metrics import Direction, scaled
from paretoprune.objectives import size_and_quality
from paretoprune.results import TrialResult

Point = tuple[float, ...]


def spread(
    members: Sequence[TrialResult], count: int, objectives: Mapping[str, Direction]
) -> list[TrialResult]:
    """Return `count` members, or all if there are fewer, from the best quality to the smallest
    size.

    Farthest-first traversal (Gonzalez, "Clustering to minimize the maximum intercluster distance",
    1985): it starts with the best quality, and its largest gap is at most twice the optimum. Ties
    go to the lower number. The dense model is only selected if there is no other.

    Raises:
        PickError: `count` is below 1.
    """
    if count < 1:
        raise PickError(f"`n={count}` must be 1 or more")
    pruned = [member for member in members if member.origin != "dense"] or list(members)
    pruned.sort(key=lambda member: (member.number, member.quantization))
    points = dict(enumerate(unit_points(pruned, objectives)))
    size, quality = size_and_quality(objectives)
    axes = list(objectives)
    taken = [max(points, key=lambda place: (points[place][axes.index(quality)], -place))]
    while len(taken) < min(count, len(points)):
        taken.append(max(points, key=lambda n: (_distance(n, taken, points), -n)))
    by_size = sorted(taken, key=lambda place: (points[place][axes.index(size)], place))
    return [pruned[place] for place in by_size]


def unit_points(members: Sequence[TrialResult], objectives: Mapping[str, Direction]) -> list[Point]:
    """Return every member as a point, each objective from 0 (worst) to 1 (best), sizes by
    logarithm."""
    columns = [_goodness(members, name, objectives[name]) for name in objectives]
    return list(zip(*columns, strict=True))


def _goodness(members: Sequence[TrialResult], name: str, direction: Direction) -> list[float]:
    sign = 1.0 if direction == "maximize" else -1.0
    values = [sign * scaled(name, member.metrics.measured()[name]) for member in members]
    low, span = min(values), max(values) - min(values)
    return [(value - low) / span if span else 1.0 for value in values]


def _distance(number: int, taken: Sequence[int], points: Mapping[int, Point]) -> float:
    """Return the distance to the nearest selected member; -1 for selected members."""
    if number in taken:
        return -1.0
    return min(dist(points[number], points[other]) for other in taken)
