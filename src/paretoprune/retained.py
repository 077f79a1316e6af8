"""Retained quality: the share of the dense model's gain over the trivial predictor that is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from paretoprune.metrics import Direction, quantity_of
from paretoprune.number_format import written
from paretoprune.objectives import first_quality
from paretoprune.results import Metrics


def retained(quality: float, trivial: float, dense: float) -> float:
    """Return (quality - trivial) / (dense - trivial), for either direction of the quality.

    1 is the dense model's quality, 0 the trivial predictor's, which answers without looking at the
    input; below 0 is worse than that. NaN if the dense model is exactly as good as the trivial
    predictor, so that there is nothing to retain.
    """
    gain = dense - trivial
    return (quality - trivial) / gain if gain else math.nan


@dataclass(frozen=True)
class QualityScale:
    """The scale on which the models of a sweep are compared, from the trivial predictor to dense.

    All values are of one quality, in its unit. Made by `scale_of` from what the sweep keeps beside
    its dense model.
    """

    name: str
    direction: Direction
    dense: float
    trivial: float | None = None  # None: not known, as in sweeps of earlier versions

    @property
    def is_usable(self) -> bool:
        """True if the trivial predictor is known and the dense model is better than it."""
        return self.trivial is not None and self.loss_of(self.trivial) > 0

    def retained(self, value: float) -> float | None:
        """Return the retained quality of a value; None if it has no meaning."""
        if self.trivial is None or not self.is_usable:
            return None
        return retained(value, self.trivial, self.dense)

    def loss_of(self, value: float) -> float:
        """Return by how much a value is worse than the dense model's; negative if better."""
        return self.dense - value if self.direction == "maximize" else value - self.dense

    def at_drop(self, drop: float) -> float:
        """Return the value that is worse than the dense model's by `drop`."""
        return self.dense - drop if self.direction == "maximize" else self.dense + drop

    def at_share(self, drop: float) -> float | None:
        """Return the value that retains all but the share `drop`; None if it has no meaning."""
        if self.trivial is None or not self.is_usable:
            return None
        return self.dense - drop * (self.dense - self.trivial)

    def written(self, value: float) -> str:
        """Format a value with its unit."""
        return written(self.name, value)


def scale_of(
    objectives: Mapping[str, Direction],
    dense: Metrics,
    trivial: Mapping[str, float],
) -> QualityScale | None:
    """Return the scale of the first objective that is a quality; None if it was not measured.

    Without a known trivial predictor, the worst possible value takes its place, if there is one.
    """
    name = first_quality(objectives)
    if name is None or name not in dense.quality:
        return None
    known = trivial.get(name, quantity_of(name).worst)
    return QualityScale(name, objectives[name], dense.quality[name], known)


def is_at_least(value: float, bound: float, direction: Direction) -> bool:
    """Return True if a quality is as good as the bound or better."""
    return value >= bound if direction == "maximize" else value <= bound
