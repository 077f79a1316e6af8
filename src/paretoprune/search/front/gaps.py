"""Gaps of a front: where another model could improve it, and an upper bound of the gain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from paretoprune.results import TrialResult
from paretoprune.search.allocation.joint import allocations, nan_last
from paretoprune.search.allocation.sensitivity import Damage, Ratios
from paretoprune.search.allocation.sizes import Sizes


@dataclass(frozen=True)
class FrontAxis:
    """The quality axis of a front: an objective converted so that larger is better.

    `of` returns the value of a trial, None if it was not measured. `least` is the value of the
    worst possible model, the bound of the registry, such as 0 for an accuracy; -infinity if
    unknown, in which case the worst value of the front is used.
    """

    of: Callable[[TrialResult], float | None]
    least: float  # value of the worst possible model; -infinity: unknown


@dataclass(frozen=True)
class Point:
    """The best quality reached with at most a given size."""

    size: float
    value: float
    trial: TrialResult | None  # None: the smallest candidate, which has not been trained


@dataclass(frozen=True)
class Gap:
    """Two neighbouring points of a front.

    Assuming that larger models are no worse, a model between them is at most as good as the larger
    one. `gain` is the upper bound of what it can add to the area under the front over the logarithm
    of the size, reached with the quality of the larger and the size of the smaller point. It is
    relative to the area of the dense model's quality at all sizes.
    """

    larger: Point
    smaller: Point
    gain: float


def gaps_of(
    results: Sequence[TrialResult], sizes: Sizes, quality: FrontAxis, *, tried: str
) -> list[Gap]:
    """Return the gaps of the front of complete trials, largest gain first.

    A trial of origin `tried` divides a gap even if it is not on the front.
    """
    points = points_of(results, sizes, quality, tried=tried)
    if not points:
        return []
    least = quality.least
    if math.isinf(least):
        least = min(point.value for point in points)
    if sizes.least < points[-1].size:
        points.append(Point(sizes.least, min(least, points[-1].value), None))
    whole = math.log(sizes.dense / sizes.least) * (points[0].value - least)

    def gap(larger: Point, smaller: Point) -> Gap:
        area = math.log(larger.size / smaller.size) * (larger.value - smaller.value)
        return Gap(larger, smaller, area / whole if whole > 0 else 0.0)

    return sorted((gap(*pair) for pair in pairwise(points)), key=lambda g: g.gain, reverse=True)


def points_of(
    results: Sequence[TrialResult], sizes: Sizes, quality: FrontAxis, *, tried: str = ""
) -> list[Point]:
    """Return the front over size and quality, largest model first, including trials of origin
    `tried`."""
    found: list[Point] = []
    for point in _by_size(results, sizes, quality):
        best = found[-1].value if found else -math.inf
        if point.value > best:
            found.append(point)
        elif point.trial and point.trial.origin == tried and point.size > found[-1].size:
            found.append(Point(point.size, best, point.trial))
    return found[::-1]


def _by_size(results: Sequence[TrialResult], sizes: Sizes, quality: FrontAxis) -> Iterator[Point]:
    """Yield the points by increasing size; of equal sizes only the best."""
    points = [
        Point(sizes.size_of(result.ratios), value, result)
        for result in results
        if result.state == "complete" and (value := quality.of(result)) is not None
    ]
    by_size: dict[float, Point] = {}
    for point in sorted(points, key=lambda p: (p.size, p.value)):
        by_size[point.size] = point
    yield from by_size.values()


def middle(
    gap: Gap,
    sizes: Sizes,
    damage: Damage,
    *,
    start: Ratios,
    fits: Callable[[Ratios], bool],
    divergence: Callable[[Ratios], float] | None = None,
) -> Ratios | None:
    """Return an allocation at the geometric mean size of the gap, reached from `start`.

    If the limits exclude that size, the largest size they allow is taken. If ranks are searched,
    there are several allocations of the size: the one with the least `divergence` is returned, or
    the one with the least damage if that is not given. None if no allocation inside the gap fits.
    """
    size_of, target = sizes.size_of, math.sqrt(gap.larger.size * gap.smaller.size)
    found = allocations(
        damage,
        sizes,
        start=start,
        target=target,
        enough=lambda r: size_of(r) <= target and fits(r),
    )
    ratios = found[0]
    if divergence and len(found) > 1:
        ratios = min(found, key=nan_last(divergence))
    inside = gap.smaller.size < size_of(ratios) < gap.larger.size
    return ratios if inside and fits(ratios) else None
