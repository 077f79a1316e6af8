"""How long a training takes, judged by those that are on record."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from paretoprune.results import EpochTime, TrialResult

_SAME = 0.1  # sizes this near, in the logarithm, say nothing of how the time grows with them
_USUAL = 0.3  # of ResNet-20 on a CPU from .36 to .02 of the MACs: .34
_NEIGHBOURS = 3  # trials of the nearest sizes, of which the mean counts


@dataclass(frozen=True)
class Pace:
    """Seconds of a trial: so many for each epoch, and so many however long it trains."""

    per_epoch: float
    fixed: float

    def epochs_in(self, seconds: float) -> float:
        """How many epochs a trial of so many seconds has time for."""
        return max(0.0, (seconds - self.fixed) / self.per_epoch)


class Paces:
    """The paces of the trials that were added, kept by size so that asking is quick."""

    def __init__(self) -> None:
        # Twice, so that of equal sizes the latest is nearest from either side.
        self._smaller: list[TrialResult] = []
        self._larger: list[TrialResult] = []
        self._mixed: list[TrialResult] = []  # the latest that trained smaller ones along, if any

    def add(self, result: TrialResult) -> None:
        """Take in a trial; one that was not trained says nothing."""
        if result.epochs <= 0 or not result.metrics.macs:
            return
        if result.nested:
            self._mixed = [result]
        else:
            insort(self._smaller, result, key=lambda r: (r.metrics.macs, r.number))
            insort(self._larger, result, key=lambda r: (r.metrics.macs, -r.number))

    def at(self, macs: float) -> Pace | None:
        """The pace of a model of this size; None before anything was trained.

        How much faster small models are differs, so the trials of the nearest sizes are asked.
        """

        def distance(result: TrialResult) -> float:
            return abs(math.log((result.metrics.macs or 1) / macs))

        place = bisect_left(self._smaller, macs, key=lambda r: r.metrics.macs or 0)
        around = self._smaller[max(0, place - _NEIGHBOURS) : place]
        around += self._larger[place : place + _NEIGHBOURS]
        near = sorted(around, key=lambda r: (distance(r), -r.number))[:_NEIGHBOURS]
        near = near or self._mixed  # an epoch of it was one of a somewhat smaller model
        if not near:
            return None
        return Pace(
            per_epoch=_foretold(
                [(r.metrics.macs or 1, r.seconds["finetune"] / r.epochs) for r in near], macs
            ),
            fixed=fmean(sum(r.seconds.values()) - r.seconds["finetune"] for r in near),
        )


def predicted_seconds(known: EpochTime, macs: float) -> float:
    """Seconds per epoch at a size, from those at another one."""
    return known.seconds * math.pow(macs / known.macs, _USUAL)


def _foretold(paces: Sequence[tuple[float, float]], macs: float) -> float:
    """Seconds at a size, from those at a few sizes: a power law through them.

    Its exponent is between 0 and 1: small models are faster, but not in proportion. Sizes that are
    all alike leave it open; then it is a usual one.
    """
    sizes = np.log([size for size, _ in paces])
    times = np.log([seconds for _, seconds in paces])
    spread = sizes - sizes.mean()
    slope = float(spread @ times / (spread @ spread)) if np.ptp(sizes) > _SAME else _USUAL
    return math.exp(times.mean() + min(max(slope, 0.0), 1.0) * (math.log(macs) - sizes.mean()))
