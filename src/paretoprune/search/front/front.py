"""The Pareto front: non-dominated points and their hypervolume. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from paretoprune.metrics import Direction
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import ModelKey

Points = NDArray[np.float64]  # (num_points, num_objectives), every objective to be minimised


def as_costs(values: Sequence[Sequence[float]], directions: Sequence[Direction]) -> Points:
    """Return objective values as costs to be minimised: maximised objectives change their sign."""
    signs = np.array([-1.0 if d == "maximize" else 1.0 for d in directions])
    costs: Points = np.array(values, dtype=np.float64).reshape(len(values), len(directions))
    costs *= signs
    return costs


def non_dominated(costs: Points) -> NDArray[np.bool_]:
    """Return a mask of the non-dominated rows of `(n, m)` costs; of equal rows the first is kept.

    A row with a NaN is dominated by every row without one.
    """
    costs = np.where(np.isnan(costs), np.inf, costs)
    front = np.zeros(len(costs), dtype=bool)
    kept = np.empty((0, costs.shape[1]))
    # In lexicographic order a later point cannot dominate an earlier one.
    for index in np.lexsort((np.arange(len(costs)), *costs.T[::-1])):
        if not (kept <= costs[index]).all(axis=1).any():
            front[index] = True
            kept = np.vstack([kept, costs[index]])
    return front


def hypervolume(costs: Points, reference: Sequence[float]) -> float:
    """Return the volume dominated by `(n, m)` costs and bounded by `reference` (slicing).

    Fonseca, Paquete and Lopez-Ibanez 2006, "An improved dimension-sweep algorithm", section 3.
    """
    limit = np.asarray(reference, dtype=np.float64)
    inside = costs[(costs < limit).all(axis=1)]
    if len(inside) == 0:
        return 0.0
    if costs.shape[1] == 1:
        return float(limit[0] - inside.min())
    inside = inside[np.argsort(inside[:, -1], kind="stable")]
    edges = np.append(inside[:, -1], limit[-1])
    return sum(
        float(edges[k + 1] - edges[k]) * hypervolume(inside[: k + 1, :-1], reference[:-1])
        for k in range(len(inside))
        if edges[k + 1] > edges[k]
    )


def front_numbers(
    values: Mapping[int, Sequence[float]], directions: Sequence[Direction]
) -> tuple[int, ...]:
    """Return the numbers of the trials on the front, ordered by their last objective."""
    if not values:
        return ()
    numbers = sorted(values)
    costs = as_costs([values[number] for number in numbers], directions)
    chosen = np.flatnonzero(non_dominated(costs))
    ordered = sorted(chosen, key=lambda index: tuple(costs[index][::-1]))
    return tuple(numbers[index] for index in ordered)


def objective_values(
    metrics: Metrics, objectives: Mapping[str, Direction]
) -> tuple[float, ...] | None:
    """Return the objectives' values; None if one was not measured."""
    measured = metrics.measured()
    values = [float(measured[name]) for name in objectives if name in measured]
    return tuple(values) if len(values) == len(objectives) else None


def front_of(
    results: Sequence[TrialResult], objectives: Mapping[str, Direction]
) -> tuple[ModelKey, ...]:
    """Return the keys of the complete models on the front, ordered by the last objective.

    Quantized models take part where the results list them, as `models_of` does.
    """
    known = [
        (result, values)
        for result in sorted(results, key=lambda result: (result.number, result.quantization))
        if result.state == "complete"
        and (values := objective_values(result.metrics, objectives)) is not None
    ]
    places = front_numbers(dict(enumerate(v for _, v in known)), list(objectives.values()))
    return tuple(known[place][0].key for place in places)
