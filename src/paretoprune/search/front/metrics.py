"""Quality indicators of a front (hypervolume, area) and attainment surfaces. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from paretoprune.metrics import Direction
from paretoprune.retained import retained
from paretoprune.search.front.front import hypervolume

_SMALLEST = 0.02  # lower end of the sizes for the retained area, relative to the dense model


@dataclass(frozen=True)
class Yardstick:
    """Reference values for sizes and qualities: the dense model, and the trivial predictor."""

    dense: Mapping[str, float]  # its objectives
    trivial: float  # the quality of the trivial predictor, in the quality's unit
    size: str  # the objective to be minimised
    quality: str  # the objective that is a quality, in either direction

    def retained(self, quality: float) -> float:
        """Return the retained quality: 1 for the dense model's, 0 for the trivial predictor or
        worse."""
        return max(0.0, retained(quality, self.trivial, self.dense[self.quality]))

    @property
    def direction(self) -> Direction:
        """The direction of the quality."""
        return "maximize" if self.dense[self.quality] >= self.trivial else "minimize"


def box_hypervolume(
    values: Sequence[Sequence[float]], objectives: Mapping[str, Direction], yardstick: Yardstick
) -> float:
    """Return the hypervolume relative to the box spanned by the dense model and the trivial
    predictor.

    Sizes are linear, not logarithmic, so the large end of the front dominates the value. `values`
    are `(n, len(objectives))`. Every objective except the quality is minimised.
    """
    reference = [0.0 if name == yardstick.quality else 1.0 for name in objectives]
    costs = [
        [
            _scaled(name, float(value), yardstick)
            for name, value in zip(objectives, point, strict=True)
        ]
        for point in values
    ]
    return hypervolume(np.array(costs, dtype=np.float64).reshape(-1, len(reference)), reference)


def retained_area(points: Sequence[tuple[float, float]], yardstick: Yardstick) -> float:
    """Return the mean retained quality over sizes from 2 % to 100 % of the dense, on a log scale.

    `points` are (size, quality). At each size the best model of at most that size counts; where
    there is none, the retained quality is 0. A front without any loss down to 2 % has the value 1.
    """
    end = math.log(1 / _SMALLEST)
    area, left, best = 0.0, 0.0, 0.0
    for size, quality in sorted(points):
        share = size / yardstick.dense[yardstick.size]
        at = min(max(math.log(share / _SMALLEST), 0.0), end) if share > 0 else 0.0
        area += best * (at - left)
        left = at
        if share <= 1:
            best = max(best, yardstick.retained(quality))
    return (area + best * (end - left)) / end


def attained(
    runs: Sequence[Sequence[tuple[float, float]]],
    share: float,
    *,
    direction: Direction = "maximize",
) -> list[tuple[float, float]]:
    """Return the quality attained by at least this share of the runs at each size: (size, quality).

    The empirical attainment surface (Grunert da Fonseca, Fonseca and Hall 2001) of fronts given as
    (size, quality), by increasing size, from the first size at which enough runs have a model.
    """
    needed = math.ceil(share * len(runs))
    sizes = sorted({size for run in runs for size, _ in run})
    sign = 1.0 if direction == "maximize" else -1.0
    surface: list[tuple[float, float]] = []
    for size in sizes:
        bests = [max((sign * q for s, q in run if s <= size), default=-math.inf) for run in runs]
        reached = sorted(bests, reverse=True)[needed - 1]
        if reached > -math.inf and (not surface or reached > sign * surface[-1][1]):
            surface.append((size, sign * reached))
    return surface


def _scaled(name: str, value: float, yardstick: Yardstick) -> float:
    """Return an objective as a cost: relative to the dense model's, or the negated retained
    quality."""
    if name == yardstick.quality:
        return -yardstick.retained(value)
    return value / yardstick.dense[name]
