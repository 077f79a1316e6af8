"""From the sum over layers to a whole model: what else a pass costs, and how far off that is.

Norms, activations and additions go through every number that a layer hands on, and each call costs
a little whatever its size. All shares are fitted to whole pruned models that were timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """What the table knows of a model: the sum over its layers, the numbers they hand on, and how
    many layers there are, which is less where whole blocks are gone."""

    layers_ms: float
    elements: float
    num_layers: int


@dataclass(frozen=True)
class Calibration:
    """The time of a whole model: `fixed_ms + layers * layers_ms + per_element_ms * elements
    + per_layer_ms * num_layers`."""

    fixed_ms: float
    layers: float
    per_element_ms: float
    per_layer_ms: float

    def predict(self, parts: Parts) -> float:
        """Milliseconds of a whole model."""
        rest = self.fixed_ms + self.per_layer_ms * parts.num_layers
        return rest + self.per_element_ms * parts.elements + self.layers * parts.layers_ms


@dataclass(frozen=True)
class Check:
    """How the predictions compare with whole models that the calibration has not seen.

    Errors are relative to the measured time; the rank correlation is Spearman's.
    """

    num_models: int
    median_error: float
    worst_error: float
    rank_correlation: float


def calibrate(parts: Sequence[Parts], measured_ms: Sequence[float]) -> Calibration:
    """The non-negative shares with the least squared relative error.

    With so few the best subset that fits without a negative one is the solution. Where all models
    have as many layers, what each costs is a part of what is fixed.
    """
    rows = np.array(
        [[1.0, each.layers_ms, each.elements, float(each.num_layers)] for each in parts]
    )
    weighted: Floats = rows / np.array(measured_ms)[:, None]
    shares = range(4 if np.ptp(rows[:, 3]) else 3)
    subsets = [list(s) for size in (1, 2, 3, 4) for s in combinations(shares, size)]
    fits = [_fit(weighted, subset) for subset in subsets]
    best = min((fit for fit in fits if fit.min() >= 0), key=lambda fit: _misfit(weighted, fit))
    return Calibration(*(float(share) for share in best))


def check(predicted_ms: Sequence[float], measured_ms: Sequence[float]) -> Check:
    """Compare predictions with what was measured, model by model."""
    predicted, measured = np.array(predicted_ms), np.array(measured_ms)
    errors = np.abs(predicted - measured) / measured
    return Check(
        num_models=len(errors),
        median_error=float(np.median(errors)),
        worst_error=float(errors.max()),
        rank_correlation=_spearman(predicted, measured),
    )


def _fit(rows: Floats, columns: list[int]) -> Floats:
    shares = np.zeros(rows.shape[1])
    shares[columns] = np.linalg.lstsq(rows[:, columns], np.ones(len(rows)), rcond=None)[0]
    return shares


def _misfit(rows: Floats, shares: Floats) -> float:
    return float(np.square(rows @ shares - 1).sum())


def _spearman(a: Floats, b: Floats) -> float:
    """Pearson's correlation of the ranks, equal values sharing their mean rank; 1 if all equal."""
    first, second = _ranks(a), _ranks(b)
    if first.std() * second.std() == 0:
        return 1.0
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: Floats) -> Floats:
    below = (values[:, None] > values[None, :]).sum(axis=1)
    equal = (values[:, None] == values[None, :]).sum(axis=1)
    ranks: Floats = below + (equal - 1) / 2
    return ranks
