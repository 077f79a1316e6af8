"""Greedy allocation against brute force, and against a greedy that prices every step anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.results import GroupInfo
from paretoprune.search.allocation.allocate import allocate
from paretoprune.search.allocation.sensitivity import Damage, Sensitivity, measure_sensitivity

GROUPS = (GroupInfo("a", 8), GroupInfo("b", 8), GroupInfo("c", 4))
WEIGHTS = {"a": 1.0, "b": 3.0, "c": 0.5}
CHOICES = {"a": (0.0, 0.25, 0.5, 0.75), "b": (0.0, 0.25, 0.5, 0.75), "c": (0.0, 0.5)}
DENSE = dict.fromkeys(CHOICES, 0.0)
WIDTHS = {group.name: group.width for group in GROUPS}
Ratios = Mapping[str, float]


def size_of(ratios: Ratios) -> float:
    """Multiples of 2 channels, at least 2."""
    return float(
        sum(max(2, 2 * round(w * (1 - ratios.get(n, 0.0)) / 2)) for n, w in WIDTHS.items())
    )


def at_most(target: float) -> Callable[[Ratios], bool]:
    return lambda ratios: size_of(ratios) <= target


def damage_of(ratios: Ratios) -> float:
    """Convex and additive, so that greedy allocation is exact where steps are of equal size."""
    return sum(WEIGHTS[name] * ratio**2 for name, ratio in ratios.items())


@pytest.fixture(scope="module")
def sensitivity() -> Sensitivity:
    return measure_sensitivity(GROUPS, damage_of, levels=(0.25, 0.5, 0.75))


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


class _Squares:
    """Damage that rises with the square of the removed channels, weighted by group."""

    def __init__(self, weights: Sequence[float]) -> None:
        self.weights = dict(zip("abcdef", weights, strict=False))

    def at(self, name: str, ratio: float) -> float:
        return self.weights[name] * round(8 * ratio) ** 2


def eager(
    damage: Damage,
    choices: Mapping[str, Sequence[float]],
    size: Callable[[Ratios], float],
    enough: Callable[[Ratios], bool],
) -> dict[str, float]:
    """The reference: all groups are priced at every step."""
    ratios = dict.fromkeys(choices, 0.0)
    while not enough(ratios):
        offers = []
        for name, rising in choices.items():
            for ratio in [each for each in rising if each > ratios[name]][:1]:
                saved = size(ratios) - size({**ratios, name: ratio})
                more = damage.at(name, ratio) - damage.at(name, ratios[name])
                offers.append((more / saved if saved > 0 else -math.inf, name, ratio))
        if not offers:
            break
        _, name, ratios[name] = min(offers)
    return ratios


@given(
    st.lists(st.integers(1, 50), min_size=3, max_size=6),
    st.lists(st.integers(0, 9), min_size=6, max_size=6),
    st.floats(0.05, 1.0),
    st.booleans(),
)
def test_it_equals_a_greedy_that_prices_every_step(
    weights: list[int], kernels: list[int], share: float, with_block: bool
) -> None:
    """The size is that of a chain of layers, of which a block may hold the last two."""
    names = "abcdef"[: len(weights)]
    choices = {name: tuple(n / 8 for n in range(7)) for name in names}
    if with_block:
        choices["block"] = (0.0, 1.0)

    def size(ratios: Ratios) -> float:
        widths = [8 - round(8 * ratios[name]) for name in names]
        macs = [k * one * two for k, (one, two) in zip(kernels, pairwise(widths), strict=False)]
        if with_block and ratios["block"] == 1.0:
            macs = macs[:-2]
        return float(sum(macs) + widths[0])

    damage = _Squares(weights)
    damage.weights["block"] = 3.0
    dense = size(dict.fromkeys(choices, 0.0))
    found = allocate(
        damage,
        choices,
        size,
        start=dict.fromkeys(choices, 0.0),
        enough=lambda ratios: size(ratios) <= share * dense,
    )
    assert found == eager(damage, choices, size, lambda ratios: size(ratios) <= share * dense)


def test_most_prices_of_a_step_are_those_of_earlier_steps() -> None:
    """40 groups of 8 steps: 40 prices at first, then about two a step, where all would be 6,000."""
    choices = {f"g{n}": tuple(k / 8 for k in range(8)) for n in range(40)}
    num_calls = 0

    def size(ratios: Ratios) -> float:
        nonlocal num_calls
        num_calls += 1
        return sum((n + 1) * (1 - ratio) for n, ratio in enumerate(ratios.values()))

    damage = Sensitivity((0.0, 1.0), {name: (0.0, 1.0 + n % 7) for n, name in enumerate(choices)})
    found = allocate(
        damage, choices, size, start=dict.fromkeys(choices, 0.0), enough=lambda ratios: False
    )
    assert found == dict.fromkeys(choices, 7 / 8)
    assert num_calls < 3 * 40 * 8


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
