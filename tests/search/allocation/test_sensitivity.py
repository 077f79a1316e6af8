"""Sensitivity and allocation against brute force on damage that is a formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.results import GroupInfo
from paretoprune.search.allocation.sensitivity import (
    ChannelDamage,
    Sensitivity,
    allocate,
    distinct_ratios,
    measure_sensitivity,
)

GROUPS = (GroupInfo("a", 8), GroupInfo("b", 8), GroupInfo("c", 4))
WEIGHTS = {"a": 1.0, "b": 3.0, "c": 0.5}
CHOICES = {"a": (0.0, 0.25, 0.5, 0.75), "b": (0.0, 0.25, 0.5, 0.75), "c": (0.0, 0.5)}
DENSE = dict.fromkeys(CHOICES, 0.0)
WIDTHS = {group.name: group.width for group in GROUPS}


def widths_of(ratios: Mapping[str, float]) -> dict[str, int]:
    """Multiples of 2, at least 2."""
    return {n: max(2, 2 * round(w * (1 - ratios.get(n, 0.0)) / 2)) for n, w in WIDTHS.items()}


def size_of(ratios: Mapping[str, float]) -> float:
    return float(sum(widths_of(ratios).values()))


def at_most(target: float) -> Callable[[Mapping[str, float]], bool]:
    return lambda ratios: size_of(ratios) <= target


def damage_of(ratios: Mapping[str, float]) -> float:
    """Convex and additive, so that greedy allocation is exact where steps are of equal size."""
    return sum(WEIGHTS[name] * ratio**2 for name, ratio in ratios.items())


@pytest.fixture(scope="module")
def sensitivity() -> Sensitivity:
    return measure_sensitivity(GROUPS, damage_of, levels=(0.25, 0.5, 0.75))


def test_one_group_at_a_time_is_measured(sensitivity: Sensitivity) -> None:
    assert sensitivity.levels == (0.0, 0.25, 0.5, 0.75)
    assert sensitivity.damage["b"] == (0.0, 3 / 16, 3 / 4, 27 / 16)


def test_damage_is_interpolated_and_never_falls() -> None:
    noisy = Sensitivity((0.0, 0.5, 1.0), {"a": (0.0, 2.0, 1.0)})
    assert noisy.at("a", 0.25) == 1.0
    assert noisy.at("a", 0.75) == 2.0


def test_every_width_has_one_ratio() -> None:
    found = distinct_ratios(GROUPS, widths_of, max_ratio=0.75)
    for name, ratios in found.items():
        widths = [widths_of({name: ratio})[name] for ratio in ratios]
        assert widths == sorted(set(widths), reverse=True)
        assert ratios[0] == 0.0
        assert widths[-1] == widths_of({name: 0.75})[name]


def test_of_very_wide_groups_a_limited_number_of_widths_are_choices() -> None:
    group = GroupInfo("a", 100)
    found = distinct_ratios(
        [group], lambda r: {"a": round(100 * (1 - r["a"]))}, max_ratio=0.955, most=25
    )
    assert found["a"] == pytest.approx((*(n / 100 for n in range(0, 96, 4)), 0.955))


def test_the_damage_of_channels_is_the_sum_of_the_lowest_that_go() -> None:
    """Of a parent that has lost two of eight channels already: these cost nothing."""
    scores = {"a": (5.0, 1.0, 3.0, 2.0, 8.0, 4.0)}
    damage = ChannelDamage.of(scores, lambda ratios: {"a": round(8 * (1 - ratios["a"]))})
    expected = {6: 0.0, 5: 1.0, 4: 3.0, 3: 6.0, 2: 10.0, 1: 15.0}
    assert {width: damage.at("a", 1 - width / 8) for width in expected} == expected


@pytest.mark.parametrize("target", [18, 16, 14, 12, 10, 8])
def test_greedy_equals_brute_force_on_convex_damage(sensitivity: Sensitivity, target: int) -> None:
    found = allocate(sensitivity, CHOICES, size_of, start=DENSE, enough=at_most(target))
    every = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]
    best = min(damage_of(ratios) for ratios in every if size_of(ratios) <= target)
    assert size_of(found) <= target
    assert damage_of(found) == pytest.approx(best)


def test_what_cannot_be_met_removes_everything(sensitivity: Sensitivity) -> None:
    found = allocate(sensitivity, CHOICES, size_of, start=DENSE, enough=lambda ratios: False)
    assert found == {name: ratios[-1] for name, ratios in CHOICES.items()}


@given(st.lists(st.floats(1, 20), min_size=2, max_size=6))
def test_allocations_of_falling_targets_are_nested(targets: list[float]) -> None:
    measured = measure_sensitivity(GROUPS, damage_of, levels=(0.25, 0.5, 0.75))
    ratios: Mapping[str, float] = dict.fromkeys(CHOICES, 0.0)
    for target in sorted(targets, reverse=True):
        smaller = allocate(measured, CHOICES, size_of, start=ratios, enough=at_most(target))
        assert all(smaller[name] >= ratios[name] for name in CHOICES)
        ratios = smaller


class Table:
    """Damage by group and ratio."""

    def __init__(self, damage: Mapping[str, Mapping[float, float]]) -> None:
        self.damage = damage

    def at(self, name: str, ratio: float) -> float:
        return self.damage[name][ratio]


def saving(saved: Mapping[str, Mapping[float, float]]) -> Callable[[Mapping[str, float]], float]:
    """The size of a network of 100, of which each ratio saves something."""
    return lambda ratios: 100 - sum(saved[name][ratio] for name, ratio in ratios.items())


def test_damage_counts_per_size_that_it_saves() -> None:
    damage = Table({"a": {0.0: 0.0, 0.5: 2.0}, "b": {0.0: 0.0, 0.5: 1.0}})
    size = saving({"a": {0.0: 0.0, 0.5: 10.0}, "b": {0.0: 0.0, 0.5: 1.0}})
    choices = {"a": (0.0, 0.5), "b": (0.0, 0.5)}
    start = dict.fromkeys(choices, 0.0)
    found = allocate(damage, choices, size, start=start, enough=lambda r: size(r) < 100)
    assert found == {"a": 0.5, "b": 0.0}


def test_damage_counts_beyond_what_is_done_already() -> None:
    damage = Table({"a": {0.0: 0.0, 0.25: 9.0, 0.5: 10.0}, "b": {0.0: 0.0, 0.5: 2.0}})
    size = saving({"a": {0.0: 0.0, 0.25: 1.0, 0.5: 2.0}, "b": {0.0: 0.0, 0.5: 1.0}})
    choices = {"a": (0.0, 0.25, 0.5), "b": (0.0, 0.5)}
    start = {"a": 0.25, "b": 0.0}
    found = allocate(damage, choices, size, start=start, enough=lambda r: size(r) < 99)
    assert found == {"a": 0.5, "b": 0.0}


def test_a_step_that_saves_nothing_is_free() -> None:
    """A start between two choices may have the size of the next one."""
    damage = Table({"a": {0.1: 1.0, 0.25: 5.0}, "b": {0.0: 0.0, 0.5: 0.1}})
    size = saving({"a": {0.1: 1.0, 0.25: 1.0}, "b": {0.0: 0.0, 0.5: 1.0}})
    choices = {"a": (0.0, 0.25), "b": (0.0, 0.5)}
    start, asked = {"a": 0.1, "b": 0.0}, []

    def enough(ratios: Mapping[str, float]) -> bool:
        asked.append(dict(ratios))
        return False

    allocate(damage, choices, size, start=start, enough=enough)
    assert asked == [start, {"a": 0.25, "b": 0.0}, {"a": 0.25, "b": 0.5}]


def test_the_first_ranks_of_a_layer_may_be_skipped_and_channels_may_not() -> None:
    """Its first factors save nothing, and lose much."""
    rising = tuple(n / 16 for n in range(16))
    damage = {ratio: 10.0 * (ratio > 0) + ratio for ratio in rising}
    saved = {ratio: max(0.0, 100 * (ratio - 0.5)) for ratio in rising}
    size = saving({"a": saved, "b": saved})
    start = {"a": 0.0, "b": 0.0}
    first: list[Mapping[str, float]] = []

    def enough(ratios: Mapping[str, float]) -> bool:
        first.append(dict(ratios))
        return len(first) == 3

    free = Table({"a": damage, "b": damage})
    allocate(free, {"a": rising}, size, start=start, enough=enough, ranks=["a"])
    # every other of the fifteen; of those that save nothing the first one
    assert first == [start, {"a": 1 / 16, "b": 0.0}, {"a": 2 / 16, "b": 0.0}]
    first.clear()
    larger = saving({"a": {r: 100 * r**2 for r in rising}, "b": {0.0: 0.0}})
    allocate(free, {"a": rising}, larger, start=start, enough=enough, ranks=["a"])
    assert first[1] == {"a": 15 / 16, "b": 0.0}
    first.clear()
    allocate(free, {"a": rising}, larger, start=start, enough=enough)
    assert first[1] == {"a": 1 / 16, "b": 0.0}
