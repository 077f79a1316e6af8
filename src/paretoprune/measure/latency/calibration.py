"""Calibration of the sum over layers to whole models, and its error.

Norms, activations and additions process every element that a layer outputs, and each call has a
constant overhead. All coefficients are fitted to measured whole pruned models.
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
    """Features of a model: sum of layer times, output elements, and number of layers.

    The number of layers is smaller if whole blocks are removed.
    """

    layers_ms: float
    elements: float
    num_layers: int


@dataclass(frozen=True)
class Calibration:
    """Linear model of the latency of a whole network.

    `fixed_ms + layers * layers_ms + per_element_ms * elements + per_layer_ms * num_layers`
    """

    fixed_ms: float
    layers: float
    per_element_ms: float
    per_layer_ms: float

    def predict(self, parts: Parts) -> float:
        """Return the latency of a whole model in milliseconds."""
        rest = self.fixed_ms + self.per_layer_ms * parts.num_layers
        return rest + self.per_element_ms * parts.elements + self.layers * parts.layers_ms


@dataclass(frozen=True)
class Check:
    """Error of the predictions on whole models that were not used for calibration.

    Errors are relative to the measured time; the rank correlation is Spearman's.
    """

    num_models: int
    median_error: float
    worst_error: float
    rank_correlation: float


def calibrate(parts: Sequence[Parts], measured_ms: Sequence[float]) -> Calibration:
    """Fit non-negative coefficients by least squares of the relative error.

    With so few coefficients, the best non-negative fit over all subsets is the solution. If all
    models have the same number of layers, the overhead per layer is part of `fixed_ms`.
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
    """Compare predicted with measured latencies, model by model."""
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
    """Return Spearman's rank correlation, with mean ranks for ties; 1 if all are equal."""
    first, second = _ranks(a), _ranks(b)
    if first.std() * second.std() == 0:
        return 1.0
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: Floats) -> Floats:
    below = (values[:, None] > values[None, :]).sum(axis=1)
    equal = (values[:, None] == values[None, :]).sum(axis=1)
    ranks: Floats = below + (equal - 1) / 2
    return ranks
