"""The front and its hypervolume against brute force and closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from paretoprune.metrics import Direction
from paretoprune.results import Job
from paretoprune.search.front.front import (
    as_costs,
    front_numbers,
    front_of,
    hypervolume,
    non_dominated,
    objective_values,
)
from paretoprune.testing import formula

points = st.integers(1, 3).flatmap(
    lambda m: arrays(float, st.tuples(st.integers(1, 12), st.just(m)), elements=st.integers(0, 4))
)


def brute_force_front(costs: np.ndarray) -> set[tuple[float, ...]]:
    def beaten(p: np.ndarray) -> bool:
        return any((q <= p).all() and (q < p).any() for q in costs)

    return {tuple(p) for p in costs if not beaten(p)}


@given(points)
def test_front_equals_brute_force_and_holds_each_point_once(costs: np.ndarray) -> None:
    front = [tuple(p) for p in costs[non_dominated(costs)]]
    assert set(front) == brute_force_front(costs)
    assert len(front) == len(set(front))


@given(points, st.randoms())
def test_front_does_not_depend_on_order(costs: np.ndarray, random: object) -> None:
    shuffled = np.array(sorted(costs.tolist(), key=lambda _: random.random()))  # type: ignore[attr-defined]
    assert brute_force_front(costs) == {tuple(p) for p in shuffled[non_dominated(shuffled)]}


def test_of_equal_points_the_first_stays() -> None:
    assert non_dominated(np.array([[1.0, 1.0], [1.0, 1.0]])).tolist() == [True, False]


def test_nan_is_beaten() -> None:
    costs = np.array([[np.nan, 0.0], [1.0, 1.0], [2.0, 0.0]])
    assert non_dominated(costs).tolist() == [False, True, True]


@pytest.mark.parametrize("n", [1, 5, 20])
def test_hypervolume_of_a_staircase(n: int) -> None:
    """Points (i, n - 1 - i) against (n, n) leave a triangle of n (n - 1) / 2 uncovered."""
    stairs = np.array([[i, n - 1 - i] for i in range(n)], dtype=float)
    assert hypervolume(stairs, [n, n]) == n * n - n * (n - 1) // 2


@given(points)
def test_hypervolume_counts_the_unit_cells_that_are_dominated(costs: np.ndarray) -> None:
    m = costs.shape[1]
    cells = np.stack(np.meshgrid(*[np.arange(5)] * m, indexing="ij"), -1).reshape(-1, m)
    covered = sum(any((p <= cell).all() for p in costs) for cell in cells)
    assert hypervolume(costs, [5.0] * m) == pytest.approx(covered)


def test_points_beyond_the_reference_cover_nothing() -> None:
    assert hypervolume(np.array([[2.0, 0.0]]), [1.0, 1.0]) == 0.0


def test_front_numbers_follow_directions_and_order() -> None:
    values = {3: (90.0, 50.0), 1: (95.0, 100.0), 2: (89.0, 60.0), 7: (80.0, 10.0)}
    assert front_numbers(values, ["maximize", "minimize"]) == (7, 3, 1)
    assert front_numbers({}, ["maximize", "minimize"]) == ()


def test_equal_last_objectives_leave_the_order_to_the_one_before() -> None:
    values = {1: (1.0, 3.0, 5.0), 2: (3.0, 1.0, 5.0), 3: (2.0, 2.0, 5.0), 4: (9.0, 9.0, 1.0)}
    assert front_numbers(values, ["minimize"] * 3) == (4, 2, 3, 1)


def test_the_front_of_trials_has_the_complete_and_measured_alone() -> None:
    objectives: dict[str, Direction] = {"accuracy": "maximize", "macs": "minimize"}
    results = [
        formula.evaluate(Job(number, "test", ratios, formula.widths_of(ratios), 0))
        for number, ratios in enumerate({"g0": ratio} for ratio in (0.0, 0.5, 0.25))
    ]
    assert front_of(results, objectives) == (1, 2, 0)
    worse = replace(results[2], metrics=replace(results[2].metrics, quality={"accuracy": 1.0}))
    assert front_of([*results[:2], worse], objectives) == (1, 0)
    failed = replace(results[1], state="failed")
    assert front_of([results[0], failed, results[2]], objectives) == (2, 0)
    unmeasured = replace(results[0], metrics=replace(results[0].metrics, quality={}))
    assert objective_values(unmeasured.metrics, objectives) is None
    assert front_of([unmeasured, *results[1:]], objectives) == (1, 2)
    assert objective_values(results[0].metrics, objectives) == (100.0, 64.0)


def test_costs_change_the_sign_of_what_is_maximised() -> None:
    assert as_costs([(1.0, 2.0)], ["maximize", "minimize"]).tolist() == [[-1.0, 2.0]]
