"""Least loss for a target, against brute force on times in stairs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoprune.search.allocation.greedy import drop_dominated, greedy_allocation, loss_of_scores
from paretoprune.search.allocation.sensitivity import Sensitivity

LEVELS = tuple(k / 8 for k in range(8))
CHOICES = dict.fromkeys("abc", LEVELS)


def stairs(ratio: float, tread: int) -> int:
    """Return the number of blocks of `tread` channels that are left of 8."""
    return -(-round(8 * (1 - ratio)) // tread)


def time_of(ratios: Mapping[str, float]) -> float:
    """a and b are neighbours, whose time is a product; c stands alone."""
    a, b, c = (stairs(ratios[name], tread) for name, tread in zip("abc", (4, 2, 1), strict=True))
    return 3.0 * a * b + 0.7 * c + 0.5


def test_only_widths_that_are_faster_than_all_wider_ones_are_worthwhile() -> None:
    found = drop_dominated(CHOICES, time_of)
    assert found == {"a": (0, 0.5), "b": (0, 0.25, 0.5, 0.75), "c": LEVELS}


def test_a_width_that_is_slower_than_a_wider_one_is_left_out() -> None:
    times = {0.0: 4.0, 0.25: 5.0, 0.5: 2.0, 0.75: 2.0}
    found = drop_dominated({"a": tuple(times)}, lambda ratios: times[ratios["a"]])
    assert found == {"a": (0.0, 0.5)}


def test_a_step_jumps_over_a_tread_that_saves_next_to_nothing() -> None:
    """Group a saves 1 % at its first choice and half at its second; b is dear throughout."""
    times_a = {0.0: 10.0, 0.25: 9.9, 0.5: 5.0}
    choices = {"a": tuple(times_a), "b": (0.0, 0.5)}
    loss = Sensitivity((0.0, 0.5), {"a": (0.0, 1.0), "b": (0.0, 9.0)})
    found = greedy_allocation(
        loss, choices, lambda r: times_a[r["a"]] + 10 * (1 - r["b"]), target=15.0
    )
    assert found == {"a": 0.5, "b": 0.0}


def test_a_step_is_judged_by_its_loss_for_each_unit_that_it_saves() -> None:
    """One large step that loses 3, or three small ones that lose 2 each: the same is saved."""
    choices = dict.fromkeys("abcd", (0.0, 0.5))
    saved = {"a": 6.0, "b": 2.0, "c": 2.0, "d": 2.0}
    damage = {name: (0.0, 3.0 if name == "a" else 2.0) for name in choices}

    def size_of(ratios: Mapping[str, float]) -> float:
        return 20 - sum(saved[name] for name, ratio in ratios.items() if ratio)

    found = greedy_allocation(Sensitivity((0.0, 0.5), damage), choices, size_of, target=14.0)
    assert found == {"a": 0.5, "b": 0.0, "c": 0.0, "d": 0.0}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.floats(0.05, 3), min_size=7, max_size=7), min_size=3, max_size=3),
    st.floats(0.15, 0.95),
)
def test_the_target_is_met_at_little_more_than_the_least_loss_there_is(
    gains: list[list[float]], share: float
) -> None:
    damage = {}
    for name, own in zip("abc", gains, strict=True):
        total, column = 0.0, [0.0]
        for gain in sorted(own):  # convex, as sums of sorted scores are
            total += gain
            column.append(total)
        damage[name] = tuple(column)
    loss = Sensitivity(LEVELS, damage)

    def lost(ratios: Mapping[str, float]) -> float:
        return sum(loss.at(name, ratio) for name, ratio in ratios.items())

    dense = time_of(dict.fromkeys("abc", 0.0))
    target = share * dense
    choices = drop_dominated(CHOICES, time_of)
    found = greedy_allocation(loss, choices, time_of, target=target)
    every = [dict(zip("abc", ratios, strict=True)) for ratios in product(LEVELS, repeat=3)]
    fitting = [lost(ratios) for ratios in every if time_of(ratios) <= target]
    if not fitting:
        assert found == {name: rising[-1] for name, rising in choices.items()}
        return
    assert time_of(found) <= target
    assert all(ratio in choices[name] for name, ratio in found.items())
    dearest = max(max(column) for column in damage.values())
    assert lost(found) <= min(fitting) + dearest
    for name, rising in choices.items():  # nothing can be taken back
        for ratio in (r for r in rising if r < found[name]):
            assert time_of({**found, name: ratio}) > target


def test_an_impossible_target_removes_all_that_may_go() -> None:
    loss = Sensitivity((0.0, 1.0), dict.fromkeys("abc", (0.0, 1.0)))
    found = greedy_allocation(loss, CHOICES, time_of, target=0.0)
    assert time_of(found) == time_of(dict.fromkeys("abc", 0.875))


def test_the_loss_of_scores_is_the_sum_of_the_lowest() -> None:
    loss = loss_of_scores({"a": [3.0, 1.0, 2.0, 4.0], "b": [5.0, 1.0]})
    assert [loss.at("a", k / 4) for k in range(5)] == pytest.approx([0, 1, 3, 6, 10])
    assert [loss.at("b", k / 2) for k in range(3)] == pytest.approx([0, 1, 6])
