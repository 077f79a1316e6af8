"""Sensitivity and damage of channels, on damage that is a formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from paretoprune.results import GroupInfo
from paretoprune.search.allocation.sensitivity import (
    ChannelDamage,
    Sensitivity,
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


def test_channels_that_the_parent_lacks_cost_nothing() -> None:
    """A rank ends below the break-even rank of its layer's narrow channels."""
    scores = {"a": [1.0, 2.0]}
    damage = ChannelDamage.of(scores, lambda ratios: {"a": round(8 * (1 - ratios["a"]))})
    assert [damage.at("a", 1 - width / 8) for width in (8, 5, 4, 3, 2, 1)] == [0, 0, 0, 0, 0, 1]
