"""Gaps of a front: where another model could improve it, and an upper bound of the gain."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from paretoprune.results import Job, TrialResult
from paretoprune.search.allocation.joint import allocations, nan_last
from paretoprune.search.allocation.sensitivity import Damage, Ratios
from paretoprune.search.allocation.sizes import Sizes

_NUM_COMPARED = 2  # allocations of a size, where ranks are searched


@dataclass(frozen=True)
class FrontAxis:
    """The quality axis of a front: an objective converted so that larger is better.

    `of` returns the value of a trial, None if it was not measured. `least` is the value of the
    worst possible model, the bound of the registry, such as 0 for an accuracy; -infinity if
    unknown, in which case the worst value of the front is used. `trivial` is the value of the
    trivial predictor.
    """

    of: Callable[[TrialResult], float | None]
    least: float  # value of the worst possible model; -infinity: unknown
    trivial: float | None = None  # None: unknown
    # (size, value) of the quantized models of a trial, which stand for it where bits are searched.
    quantized: Callable[[TrialResult], Sequence[tuple[float, float]]] | None = None

    def models_of(self, result: TrialResult, sizes: Sizes) -> Sequence[tuple[float, float]]:
        """Return (size, value) of a trial, or of its quantized models; empty if not complete."""
        if self.quantized is not None:
            return self.quantized(result)
        value = self.of(result) if result.state == "complete" else None
        return () if value is None else [(sizes.size_of(result.ratios), value)]


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
    results: Sequence[TrialResult],
    sizes: Sizes,
    quality: FrontAxis,
    *,
    tried: str,
    running: Sequence[Job] = (),
) -> list[Gap]:
    """Return the gaps of the front of complete trials, largest gain first; those that a running
    trial divides come last.

    A trial of origin `tried` divides a gap even if it is not on the front, whatever came of it: a
    duplicate or a failed one would otherwise be proposed over and over. So does a running trial,
    with the quality interpolated between its neighbours; the gap that remains afterwards is not
    known.
    """
    points = points_of(results, sizes, quality, tried=tried)
    known = [point.value for point in points if not math.isinf(point.value)]
    if not known:
        return []
    least = min(known) if math.isinf(quality.least) else quality.least
    points = [p if p.value > -math.inf else replace(p, value=min(least, *known)) for p in points]
    if sizes.least < points[-1].size:
        points.append(Point(sizes.least, min(least, points[-1].value), None))
    under_way = {sizes.size_of(job.ratios) for job in running}
    points = _divided(points, under_way)
    whole = math.log(sizes.dense / sizes.least) * (points[0].value - least)

    def gap(larger: Point, smaller: Point) -> Gap:
        area = math.log(larger.size / smaller.size) * (larger.value - smaller.value)
        return Gap(larger, smaller, area / whole if whole > 0 else 0.0)

    def order(gap: Gap) -> tuple[bool, float]:
        ends = (gap.larger, gap.smaller)
        return any(p.trial is None and p.size in under_way for p in ends), -gap.gain

    return sorted((gap(*pair) for pair in pairwise(points)), key=order)


def points_of(
    results: Sequence[TrialResult], sizes: Sizes, quality: FrontAxis, *, tried: str = ""
) -> list[Point]:
    """Return the front over size and quality, largest model first, including trials of origin
    `tried`, which have the quality of the next smaller point, -infinity if there is none."""
    found: list[Point] = []
    for point in _by_size(results, sizes, quality, tried):
        best = found[-1].value if found else -math.inf
        if point.value > best:
            found.append(point)
        elif point.trial and point.trial.origin == tried:
            found.append(Point(point.size, best, point.trial))
    return found[::-1]


def _divided(points: Sequence[Point], between: Collection[float]) -> list[Point]:
    """Return the points, largest first, with those that are expected at the sizes `between`."""
    found = list(points)
    for size in between:
        for larger, smaller in pairwise(points):
            if smaller.size < size < larger.size:
                share = math.log(size / smaller.size) / math.log(larger.size / smaller.size)
                value = smaller.value + share * (larger.value - smaller.value)
                found.append(Point(size, value, None))
    return sorted(found, key=lambda point: -point.size)


def _by_size(
    results: Sequence[TrialResult], sizes: Sizes, quality: FrontAxis, tried: str
) -> Iterator[Point]:
    """Yield the points by increasing size; of equal sizes only the best."""
    points = []
    for result in results:
        models = quality.models_of(result, sizes)
        points += [Point(size, value, result) for size, value in models]
        if not models and result.origin == tried:
            points.append(Point(sizes.size_of(result.ratios), -math.inf, result))
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
    target = math.sqrt(gap.larger.size * gap.smaller.size)
    ratios = of_size(target, sizes, damage, start=start, fits=fits, divergence=divergence)
    inside = gap.smaller.size < sizes.size_of(ratios) < gap.larger.size
    return ratios if inside and fits(ratios) else None


def of_size(
    target: float,
    sizes: Sizes,
    damage: Damage,
    *,
    start: Ratios,
    fits: Callable[[Ratios], bool],
    divergence: Callable[[Ratios], float] | None = None,
) -> Ratios:
    """Return an allocation of at most the size `target` that fits, reached from `start`.

    The likeliest one without `divergence`, else the one with the least. If none is small enough,
    the maximum is removed.
    """
    found = allocations(
        damage,
        sizes,
        start=start,
        target=target,
        enough=lambda r: sizes.size_of(r) <= target and fits(r),
        most=_NUM_COMPARED if divergence else 1,
    )
    if divergence and len(found) > 1:
        return min(found, key=nan_last(divergence))
    return found[0]
