"""How a chain's training is divided among its sizes: by what cuts lose before they are trained.

Where training for a time t leaves about L / t of what a cut lost, the sum over all sizes is least
if the time of each goes with the square root of its L (by a Lagrange multiplier).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from paretoprune.results import SKETCH, TrialResult
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.search.front.gaps import FrontAxis

_LEAST = 0.25  # of the largest weight, since a sketch is no training


def time_weights(
    at: Sequence[float], results: Sequence[TrialResult], sizes: Sizes, quality: FrontAxis
) -> list[float]:
    """What each of the falling sizes `at` should have of the time, in proportion.

    The largest has no less than the mean of the others, which are all cut out of it. Between the
    sizes of the sketch its losses are taken to be linear in the logarithm; without a sketch, or
    where it lost nothing, all sizes have the same.
    """
    dense = next((quality.of(result) for result in results if result.origin == "dense"), None)
    values = {
        sizes.size_of(result.ratios): value
        for result in results
        if result.origin == SKETCH and (value := quality.of(result)) is not None
    }
    if dense is None or not values:
        return [1.0] * len(at)
    known = {sizes.dense: 0.0} | {size: max(0.0, dense - v) for size, v in values.items()}
    found = sorted(known)
    lost = np.interp(np.log(at), np.log(found), [known[size] for size in found])
    weights = np.sqrt(lost)
    if weights.max() == 0:
        return [1.0] * len(at)
    weights = np.maximum(weights, _LEAST * weights.max())
    weights[0] = max(weights[0], weights[1:].mean() if len(at) > 1 else 0.0)
    return [float(weight) for weight in weights]
