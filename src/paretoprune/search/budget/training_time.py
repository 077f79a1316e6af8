"""Prediction of the training time of a model from the times of finished trials."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from paretoprune.results import EpochTime, TrialResult
from paretoprune.search.budget.trial_time import TrialTime

_SAME = 0.1  # log-size range below which the scaling exponent cannot be estimated
_USUAL = 0.3  # default exponent; ResNet-20 on a CPU from .36 to .02 of the MACs: .34
_NEIGHBOURS = 3  # number of trials with the nearest sizes that are averaged
_GUESS = 10.0  # seconds of an epoch, before anything was measured
_TRAINING = ("finetune", "validate")  # uses that grow with the epochs


class TrialTimes:
    """Time models of the trials added so far, sorted by size for fast lookup."""

    def __init__(self) -> None:
        # Two copies with opposite tie-breaking, so that of equal sizes the latest is nearest from
        # either side.
        self._smaller: list[TrialResult] = []
        self._larger: list[TrialResult] = []
        self._mixed: list[TrialResult] = []  # the latest trial with nested networks, if any
        self._untrained: list[TrialResult] = []  # the latest untrained trial, if any
        self._quantize = 0.0  # seconds of the dense model's quantized models
        self._most_epochs = 0.0  # of a trial

    def add(self, result: TrialResult) -> None:
        """Add a trial; of untrained trials the latest counts until one was trained."""
        if not result.metrics.macs:
            return
        if result.origin == "dense":
            self._quantize = result.seconds.get("quantize", 0.0)
        if result.epochs <= 0:
            if "prune" in result.seconds and result.origin != "dense":
                self._untrained = [result]
            return
        self._most_epochs = max(self._most_epochs, result.epochs)
        if result.nested:
            self._mixed = [result]
        else:
            insort(self._smaller, result, key=lambda r: (r.metrics.macs, r.number))
            insort(self._larger, result, key=lambda r: (r.metrics.macs, -r.number))

    def at(self, macs: float, known: EpochTime | None = None) -> TrialTime:
        """Return the time model of a model of this size.

        Estimated from the trials of the nearest sizes, because the scaling with size is not
        uniform; before anything was trained from `known`, which also tells what the teacher takes,
        and from the quantization of the dense model.
        """
        near = self._near(macs) or self._mixed
        if near:
            per_epoch = _power_law([(r.metrics.macs or 1, _per_epoch(r)) for r in near], macs)
        else:
            per_epoch = predicted_seconds(known, macs) if known else _GUESS
        fixed = _fixed(near) if near else _fixed(self._untrained) + self._quantize
        trial_time = TrialTime(per_epoch, fixed)
        if known is None:
            return trial_time
        return replace(
            trial_time,
            teacher_per_epoch=known.teacher_seconds,
            teacher_epochs=known.teacher_epochs,
            cached_epochs=self._cached_epochs(known),
        )

    def _cached_epochs(self, known: EpochTime) -> float:
        if math.isinf(known.teacher_epochs):
            return 0.0
        return max(self._most_epochs, known.cached_epochs)

    def _near(self, macs: float) -> list[TrialResult]:
        def distance(result: TrialResult) -> float:
            return abs(math.log((result.metrics.macs or 1) / macs))

        place = bisect_left(self._smaller, macs, key=lambda r: r.metrics.macs or 0)
        around = self._smaller[max(0, place - _NEIGHBOURS) : place]
        around += self._larger[place : place + _NEIGHBOURS]
        return sorted(around, key=lambda r: (distance(r), -r.number))[:_NEIGHBOURS]


def predicted_seconds(known: EpochTime, macs: float) -> float:
    """Extrapolate the seconds per epoch from one size to another."""
    return known.seconds * math.pow(macs / known.macs, _USUAL)


def _per_epoch(result: TrialResult) -> float:
    return sum(result.seconds.get(use, 0.0) for use in _TRAINING) / result.epochs


def _fixed(results: Sequence[TrialResult]) -> float:
    """Return the mean seconds of a trial beside its training and the teacher; 0 without trials."""
    other = [
        sum(seconds for use, seconds in r.seconds.items() if use not in (*_TRAINING, "teacher"))
        for r in results
    ]
    return fmean(other) if other else 0.0


def _power_law(measured: Sequence[tuple[float, float]], macs: float) -> float:
    """Predict the seconds at a size from measurements at a few sizes by a power law.

    The exponent is limited to [0, 1]: small models are faster, but less than proportionally. If all
    sizes are alike, the default exponent is used.
    """
    sizes = np.log([size for size, _ in measured])
    times = np.log([seconds for _, seconds in measured])
    spread = sizes - sizes.mean()
    slope = float(spread @ times / (spread @ spread)) if np.ptp(sizes) > _SAME else _USUAL
    return math.exp(times.mean() + min(max(slope, 0.0), 1.0) * (math.log(macs) - sizes.mean()))
