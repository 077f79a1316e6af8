"""Prediction of the training time of a model from the times of finished trials."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from paretoprune.results import EpochTime, TrialResult

_SAME = 0.1  # log-size range below which the scaling exponent cannot be estimated
_USUAL = 0.3  # default exponent; ResNet-20 on a CPU from .36 to .02 of the MACs: .34
_NEIGHBOURS = 3  # number of trials with the nearest sizes that are averaged


@dataclass(frozen=True)
class Pace:
    """Trial time model: seconds per epoch plus a fixed overhead."""

    per_epoch: float
    fixed: float

    def epochs_in(self, seconds: float) -> float:
        """Return the number of epochs for which a trial of the given duration has time."""
        return max(0.0, (seconds - self.fixed) / self.per_epoch)


class Paces:
    """Time models of the trials added so far, sorted by size for fast lookup."""

    def __init__(self) -> None:
        # Two copies with opposite tie-breaking, so that of equal sizes the latest is nearest from
        # either side.
        self._smaller: list[TrialResult] = []
        self._larger: list[TrialResult] = []
        self._mixed: list[TrialResult] = []  # the latest trial with nested networks, if any

    def add(self, result: TrialResult) -> None:
        """Add a trial; untrained trials are ignored."""
        if result.epochs <= 0 or not result.metrics.macs:
            return
        if result.nested:
            self._mixed = [result]
        else:
            insort(self._smaller, result, key=lambda r: (r.metrics.macs, r.number))
            insort(self._larger, result, key=lambda r: (r.metrics.macs, -r.number))

    def at(self, macs: float) -> Pace | None:
        """Return the time model of a model of this size; None before anything was trained.

        Estimated from the trials of the nearest sizes, because the scaling with size is not
        uniform.
        """

        def distance(result: TrialResult) -> float:
            return abs(math.log((result.metrics.macs or 1) / macs))

        place = bisect_left(self._smaller, macs, key=lambda r: r.metrics.macs or 0)
        around = self._smaller[max(0, place - _NEIGHBOURS) : place]
        around += self._larger[place : place + _NEIGHBOURS]
        near = sorted(around, key=lambda r: (distance(r), -r.number))[:_NEIGHBOURS]
        # an epoch with nested networks is like one of a somewhat smaller model
        near = near or self._mixed
        if not near:
            return None
        return Pace(
            per_epoch=_power_law(
                [(r.metrics.macs or 1, r.seconds["finetune"] / r.epochs) for r in near], macs
            ),
            fixed=fmean(sum(r.seconds.values()) - r.seconds["finetune"] for r in near),
        )


def predicted_seconds(known: EpochTime, macs: float) -> float:
    """Extrapolate the seconds per epoch from one size to another."""
    return known.seconds * math.pow(macs / known.macs, _USUAL)


def _power_law(paces: Sequence[tuple[float, float]], macs: float) -> float:
    """Predict the seconds at a size from measurements at a few sizes by a power law.

    The exponent is limited to [0, 1]: small models are faster, but less than proportionally. If all
    sizes are alike, the default exponent is used.
    """
    sizes = np.log([size for size, _ in paces])
    times = np.log([seconds for _, seconds in paces])
    spread = sizes - sizes.mean()
    slope = float(spread @ times / (spread @ spread)) if np.ptp(sizes) > _SAME else _USUAL
    return math.exp(times.mean() + min(max(slope, 0.0), 1.0) * (math.log(macs) - sizes.mean()))
