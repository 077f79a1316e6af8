"""How long a training takes, judged by those that are on record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from paretoprune.results import TrialResult

_NEIGHBOURS = 3  # trials of the nearest sizes, of which the mean counts


@dataclass(frozen=True)
class Pace:
    """Seconds of a trial: so many for each epoch, and so many however long it trains."""

    per_epoch: float
    fixed: float

    def epochs_in(self, seconds: float) -> float:
        """How many epochs a trial of so many seconds has time for."""
        return max(0.0, (seconds - self.fixed) / self.per_epoch)


def pace_at(results: Sequence[TrialResult], macs: float) -> Pace | None:
    """The pace of a model of this size; None before anything was trained.

    Small models are not faster in proportion, so the trials of the nearest sizes are asked rather
    than a formula.
    """
    trained = [result for result in results if result.epochs > 0 and result.metrics.macs]
    if not trained:
        return None

    def distance(result: TrialResult) -> float:
        return abs(math.log((result.metrics.macs or 1) / macs))

    near = sorted(trained, key=lambda r: (distance(r), -r.number))[:_NEIGHBOURS]
    return Pace(
        per_epoch=fmean(r.seconds["finetune"] / r.epochs for r in near),
        fixed=fmean(sum(r.seconds.values()) - r.seconds["finetune"] for r in near),
    )
