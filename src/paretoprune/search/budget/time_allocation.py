"""Allocation of a chain's training time to its sizes.

Time per size is proportional to sqrt(L), with L the accuracy lost by the untrained pruned model.
This minimises the total loss under the model loss ~ L / t after training for time t (Lagrange
multiplier).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from paretoprune.results import SKETCH, TrialResult
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.search.front.gaps import FrontAxis

# minimum relative to the largest weight, as untrained models are only a rough estimate
_LEAST = 0.25


def time_weights(
    at: Sequence[float], results: Sequence[TrialResult], sizes: Sizes, quality: FrontAxis
) -> list[float]:
    """Return the relative training time of each of the decreasing sizes `at`.

    The largest size gets at least the mean of the others, which all start from its weights. Losses
    are interpolated linearly in log size between the untrained models of the rough front. Without
    such models, or if they lost nothing, all weights are equal.
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
