"""Where the front leaves the most room: a candidate in the middle of its widest gap.

Between two neighbours of a front no model is better than the larger one and none need be worse than
the smaller one. So the rectangle between them bounds what a model there can add, and the largest
comes first. Cuts whose kept weights make up for what went are good untrained where little goes: a few
of them show the whole front within seconds, and fill what trained models leave between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from paretoprune.results import SKETCH, Job, Proposal, TrialResult
from paretoprune.search.budget import Left
from paretoprune.search.sensitivity import Damage, Ratios, allocate
from paretoprune.search.sizes import Sizes


@dataclass(frozen=True)
class Quality:
    """One objective as a number that is better the larger it is."""

    of: Callable[[TrialResult], float | None]
    least: float  # what the worst model has; -infinity: nobody knows before one was seen


@dataclass(frozen=True)
class _Point:
    """What the best model of at most a size is worth."""

    size: float
    value: float
    trial: TrialResult | None  # None: the end, below which there is no candidate


@dataclass(frozen=True)
class Gaps:
    """At most `most` candidates, each cut out of the next larger trained model and trained a little.

    As a sketch (`origin` says so) each is cut out of the dense model and not trained, for as long as
    that takes at most `sketch_share` of the budget.
    """

    origin: str
    sizes: Sizes
    quality: Quality
    fits: Callable[[Ratios], bool]  # the limits that are known without training
    damage: Callable[[TrialResult | None], Damage]
    most: int
    min_gain: float = 0.0  # of the area under the front, as a share of the dense model's
    sketch_share: float = 0.06

    def propose(
        self, number: int, results: Sequence[TrialResult], running: Sequence[Job], left: Left
    ) -> Proposal | None:
        """The middle of the widest gap that has a candidate; None where `min_gain` is not in it."""
        own = [result for result in results if result.origin == self.origin]
        num_left = self.most - len(own)
        if num_left <= 0 or any(job.origin == self.origin for job in running):
            return None
        if self._is_sketch and not self._affordable(own, results, left):
            return None
        for larger, smaller in self._gaps(results):
            parent = None if self._is_sketch else self._parent(results, larger.size)
            if (ratios := self._middle(parent, larger.size, smaller.size)) is not None:
                epochs = left.epochs(1 / num_left, macs=self.sizes.macs_of(ratios))
                return Proposal(
                    ratios,
                    self.origin,
                    parent=None if parent is None else parent.number,
                    epochs=0.0 if self._is_sketch else epochs,
                )
        return None

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The trained models that a candidate can be cut out of."""
        if self._is_sketch:
            return set()
        return {p.trial.number for p in self._points(results) if p.trial and p.trial.curve}

    @property
    def _is_sketch(self) -> bool:
        return self.origin == SKETCH

    def _affordable(
        self, own: Sequence[TrialResult], results: Sequence[TrialResult], left: Left
    ) -> bool:
        """Whether one more sketch keeps all of them within their share of the time."""
        if left.budget.unit != "seconds" or not own:
            return True
        spent = sum(sum(result.seconds.values()) for result in own)
        total = left.budget.amount + sum(sum(result.seconds.values()) for result in results)
        return spent * (1 + 1 / len(own)) <= self.sketch_share * total

    def _gaps(self, results: Sequence[TrialResult]) -> list[tuple[_Point, _Point]]:
        """Neighbours with at least `min_gain` between them, the widest gap first."""
        points = self._points(results)
        if not points:
            return []
        least = min(self.quality.least, *(point.value for point in points))
        if math.isinf(least):
            least = min(point.value for point in points)
        whole = math.log(self.sizes.dense / self.sizes.least) * abs(points[0].value - least)
        if self.sizes.least < points[-1].size:
            points.append(_Point(self.sizes.least, least, None))

        def gain(gap: tuple[_Point, _Point]) -> float:
            larger, smaller = gap
            return math.log(larger.size / smaller.size) * (larger.value - smaller.value)

        gaps = [gap for gap in pairwise(points) if gain(gap) > self.min_gain * whole]
        return sorted(gaps, key=gain, reverse=True)

    def _points(self, results: Sequence[TrialResult]) -> list[_Point]:
        """From the dense model down: the front, and where this strategy looked in vain."""
        found: list[_Point] = []
        for size, value, trial in self._rising(results):
            best = max([value, *(point.value for point in found[-1:])])
            if not found or value == best > found[-1].value or trial.origin == self.origin:
                if found and found[-1].size == size:
                    found.pop()
                found.append(_Point(size, best, trial))
        return found[::-1]

    def _rising(self, results: Sequence[TrialResult]) -> Iterator[tuple[float, float, TrialResult]]:
        complete = [r for r in results if r.state == "complete" and self.quality.of(r) is not None]
        for trial in sorted(complete, key=lambda r: (self.sizes.size_of(r.ratios), r.number)):
            value = self.quality.of(trial)
            assert value is not None
            yield self.sizes.size_of(trial.ratios), value, trial

    def _parent(self, results: Sequence[TrialResult], size: float) -> TrialResult | None:
        """The smallest trained model of the front that is no smaller than `size`, or the dense."""
        trained = [p for p in self._points(results) if p.trial and p.trial.curve and p.size >= size]
        return trained[-1].trial if trained else None

    def _middle(self, parent: TrialResult | None, larger: float, smaller: float) -> Ratios | None:
        """An allocation halfway between the sizes, in the logarithm; None if there is none."""
        choices, size_of = self.sizes.choices, self.sizes.size_of
        target = math.sqrt(larger * smaller)
        ratios = allocate(
            self.damage(parent),
            choices,
            size_of,
            start=parent.ratios if parent else dict.fromkeys(choices, 0.0),
            enough=lambda r: size_of(r) <= target and self.fits(r),
        )
        return ratios if smaller < size_of(ratios) < larger and self.fits(ratios) else None
