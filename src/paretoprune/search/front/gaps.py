"""The gaps of a front: where a model could still add to it, and how much at most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from paretoprune.results import TrialResult
from paretoprune.search.allocation.joint import allocations
from paretoprune.search.allocation.sensitivity import Damage, Ratios
from paretoprune.search.allocation.sizes import Sizes


@dataclass(frozen=True)
class FrontAxis:
    """What a front is good at: an objective as a number that is better the larger it is."""

    of: Callable[[TrialResult], float | None]
    least: float  # what the worst model has; -infinity: nobody knows before one was seen


@dataclass(frozen=True)
class Point:
    """What the best model of at most a size is worth."""

    size: float
    value: float
    trial: TrialResult | None  # None: the smallest candidate, which nobody has tried


@dataclass(frozen=True)
class Gap:
    """Two neighbours of a front.

    If larger models are no worse, none between them is better than the larger one. `gain` is what
    one as good as that and as small as the smaller one would add to the area under the front over
    the logarithm of the size, as a share of what the dense model would have at all sizes.
    """

    larger: Point
    smaller: Point
    gain: float


def gaps_of(
    results: Sequence[TrialResult], sizes: Sizes, quality: FrontAxis, *, tried: str
) -> list[Gap]:
    """The gaps of the front of complete trials, those with the most to gain first.

    A trial of the origin `tried` divides a gap even where it did not come onto the front.
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
    """The front over size and quality from the largest model down, and the trials `tried`."""
    found: list[Point] = []
    for point in _by_size(results, sizes, quality):
        best = found[-1].value if found else -math.inf
        if point.value > best:
            found.append(point)
        elif point.trial and point.trial.origin == tried and point.size > found[-1].size:
            found.append(Point(point.size, best, point.trial))
    return found[::-1]


def _by_size(results: Sequence[TrialResult], sizes: Sizes, quality: FrontAxis) -> Iterator[Point]:
    """Rising in size; of equal sizes the best alone."""
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
    hurt: Callable[[Ratios], float] | None = None,
) -> Ratios | None:
    """An allocation halfway down the gap, in the logarithm, cut out of `start`; None without one.

    Where limits leave nothing of that size, it is the largest that they leave. Where ranks are
    searched, it is the allocation that has the least `hurt`; without that, the one by damage.
    """
    size_of, target = sizes.size_of, math.sqrt(gap.larger.size * gap.smaller.size)
    found = allocations(
        damage,
        sizes,
        start=start,
        target=target,
        enough=lambda r: size_of(r) <= target and fits(r),
    )
    ratios = min(found, key=hurt) if hurt and len(found) > 1 else found[0]
    inside = gap.smaller.size < size_of(ratios) < gap.larger.size
    return ratios if inside and fits(ratios) else None
