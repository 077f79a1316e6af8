"""The order of promotion: newcomers that beat all, both ends, fronts before what they beat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.search.front.front import non_dominated
from paretoprune.search.front.promotion import num_promoted, promotion_order, rung_epochs

values = st.integers(0, 8).map(float)
points = st.lists(st.tuples(values, values), min_size=1, max_size=25).map(np.array)


@given(points)
def test_a_newcomer_that_dominates_all_is_first(costs: np.ndarray) -> None:
    newcomer = costs.min(axis=0) - 1
    assert promotion_order(np.vstack([costs, newcomer]))[0] == len(costs)


@given(points)
def test_everybody_has_a_place_and_fronts_follow_one_another(costs: np.ndarray) -> None:
    order = promotion_order(costs)
    assert sorted(order) == list(range(len(costs)))
    left = list(range(len(costs)))
    while left:
        front = [left[k] for k in np.flatnonzero(non_dominated(costs[left]))]
        assert set(order[: len(front)]) == set(front)
        order, left = order[len(front) :], [k for k in left if k not in front]


@given(points)
def test_both_ends_of_the_front_come_first(costs: np.ndarray) -> None:
    front = np.flatnonzero(non_dominated(costs))
    ends = {int(front[np.argmin(costs[front, axis])]) for axis in (0, 1)}
    assert set(promotion_order(costs)[: len(ends)]) == ends


def test_inside_a_front_the_farthest_comes_next() -> None:
    costs = np.array([[0.0, 10.0], [1.0, 9.0], [5.0, 5.0], [9.5, 0.5], [10.0, 0.0]])
    assert promotion_order(costs) == [0, 4, 2, 1, 3]


def test_what_was_not_measured_comes_last() -> None:
    assert promotion_order(np.array([[np.nan, 0.0], [9.0, 9.0]])) == [1, 0]
    assert promotion_order(np.zeros((0, 2))) == []


@pytest.mark.parametrize(("finished", "promoted"), [(0, 0), (2, 0), (3, 1), (8, 2), (9, 3)])
def test_one_in_three_is_promoted(finished: int, promoted: int) -> None:
    assert num_promoted(finished, 3) == promoted


def test_rungs_share_the_schedule() -> None:
    assert rung_epochs(13.0, 3, 3) == pytest.approx([1, 3, 9])


def test_objectives_are_weighed_equally_whatever_their_unit() -> None:
    """By the second objective alone, which is a million times as large, row 3 would come first."""
    costs = np.array([[0.0, 4e6], [4.0, 0.0], [1.0, 3.0e6], [2.0, 2.9e6], [3.0, 1.9e6]])
    for factors in ((1.0, 1.0), (1e3, 1e-6), (1e-6, 1e3)):
        assert promotion_order(costs * factors) == promotion_order(costs)
    assert promotion_order(costs)[:3] == [0, 1, 3]


def test_an_objective_that_no_trial_has_leaves_the_others() -> None:
    costs = np.array([[3.0, np.nan], [1.0, np.nan], [2.0, np.nan]])
    assert promotion_order(costs) == [1, 2, 0]
    assert promotion_order(np.empty((0, 2))) == []


@pytest.mark.parametrize("seed", range(10))
def test_the_order_within_a_front_is_that_of_the_farthest_first(seed: int) -> None:
    """Of points on a line, which is a front, against the definition."""
    places = np.random.default_rng(seed).permutation(np.linspace(0, 1, 9) ** 2)
    costs = np.stack([places, 1 - places], 1)
    order = [int(places.argmin()), int(places.argmax())]
    while len(order) < len(places):
        left = [n for n in range(len(places)) if n not in order]
        order.append(max(left, key=lambda n: min(abs(places[n] - places[k]) for k in order)))
    assert promotion_order(3 * costs - 7) == order
