"""Which of many candidates to train on: an order for several objectives at once. Pure arithmetic.

First by fronts: who is beaten by nobody comes before who is beaten by these alone, and so on.
Inside a front so that it is covered: the ends of every objective first, then always the one that is
farthest from all before it (an epsilon net: Salinas et al. 2021, "A multi-objective perspective on
jointly tuning hardware and hyperparameters"; Schmucker et al. 2021, MO-ASHA, section 4).
"""

from __future__ import annotations

import math

import numpy as np

from paretoprune.search.front.front import Points, non_dominated


def promotion_order(costs: Points) -> list[int]:
    """All rows of `(n, m)` costs (to be minimised), the first to be promoted first.

    Of equal rows the earlier one is in the better front. A row with a NaN comes after all others.
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
    """How many of a rung's finished candidates go on: one in `eta`, the best one always counts."""
    return max(1, num_finished // eta) if num_finished >= eta else 0


def rung_epochs(total: float, num_rungs: int, eta: int) -> list[float]:
    """Epochs of each rung, `eta` times as many on each as on the one before; their sum is total."""
    weights = [float(eta) ** rung for rung in range(num_rungs)]
    return [total * weight / math.fsum(weights) for weight in weights]


def _scaled(costs: Points) -> Points:
    """Every objective from 0 to 1, so that distances weigh them equally."""
    finite = np.where(np.isfinite(costs), costs, np.nan)
    if not len(costs) or np.isnan(finite).all(axis=0).any():
        return np.zeros_like(costs)
    low, high = np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)
    span = np.where(high > low, high - low, 1.0)
    scaled: Points = np.nan_to_num((finite - low) / span, nan=1.0)
    return scaled


def _spread_order(points: Points) -> list[int]:
    """The ends of each objective, then the farthest from those before, again and again."""
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
