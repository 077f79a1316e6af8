"""Multi-objective successive halving: the order of promotion, and the epochs of the rungs.

Candidates are ordered by non-domination rank (as in NSGA-II). Within a rank the order spreads over
the front: the best point of every objective first, then always the point farthest from those
already chosen (an epsilon net: Salinas et al. 2021, "A multi-objective perspective on jointly
tuning hardware and hyperparameters"; Schmucker et al. 2021, MO-ASHA, section 4).
"""

from __future__ import annotations

import math

import numpy as np

from paretoprune.search.front.front import Points, non_dominated


def promotion_order(costs: Points) -> list[int]:
    """Return the row indices of `(n, m)` costs (minimised) in the order of promotion.

    Of equal rows the earlier one has the better rank. Rows with a NaN come last.
    """
    scaled = _scaled(costs)
    left = np.arange(len(costs))
    order: list[int] = []
    while len(left):
        on_front = non_dominated(costs[left])
        order += [int(left[on_front][k]) for k in _spread_order(scaled[left[on_front]])]
        left = left[~on_front]
    return order


def num_promoted(num_finished: int, eta: int) -> int:
    """Return the number of a rung's finished candidates to promote: one in `eta`, at least one.

    0 until the first `eta` candidates have finished.
    """
    return max(1, num_finished // eta) if num_finished >= eta else 0


def rung_epochs(total: float, num_rungs: int, eta: int) -> list[float]:
    """Return the epochs of each rung: a geometric series with factor `eta` whose sum is `total`."""
    weights = [float(eta) ** rung for rung in range(num_rungs)]
    return [total * weight / math.fsum(weights) for weight in weights]


def _scaled(costs: Points) -> Points:
    """Scale every objective to [0, 1], so that distances weigh them equally."""
    finite = np.where(np.isfinite(costs), costs, np.nan)
    if not len(costs) or np.isnan(finite).all(axis=0).any():
        return np.zeros_like(costs)
    low, high = np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)
    span = np.where(high > low, high - low, 1.0)
    scaled: Points = np.nan_to_num((finite - low) / span, nan=1.0)
    return scaled


def _spread_order(points: Points) -> list[int]:
    """Order points by farthest-first traversal, starting from the best point of each objective."""
    order: list[int] = []
    for axis in range(points.shape[1]):
        best = int(np.argmin(points[:, axis]))
        if best not in order:
            order.append(best)
    while len(order) < len(points):
        distances = _distances(points, points[order]).min(axis=1)
        distances[order] = -1.0
        order.append(int(np.argmax(distances)))
    return order


def _distances(points: Points, others: Points) -> Points:
    found: Points = np.linalg.norm(points[:, None] - others[None], axis=2)
    return found
