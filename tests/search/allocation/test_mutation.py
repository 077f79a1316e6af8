"""Allocations of one size, on a network that is a formula."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from paretoprune.search.allocation.mutation import swap, uniform_step
from paretoprune.search.allocation.sensitivity import distinct_ratios
from paretoprune.testing import formula

CHOICES = distinct_ratios(formula.GROUPS, formula.widths_of, max_ratio=0.9)
DENSE = dict.fromkeys(CHOICES, 0.0)


def macs_of(ratios: Mapping[str, float]) -> float:
    return float(formula.cost_of(ratios).macs)


def largest(name: str) -> float:
    return CHOICES[name][-1]


@pytest.mark.parametrize("share", [0.9, 0.6, 0.3, 0.2])
def test_even_is_the_least_level_that_is_enough(share: float) -> None:
    target = share * macs_of(DENSE)
    found = uniform_step(CHOICES, start=DENSE, enough=lambda r: macs_of(r) <= target)
    level = max(found.values())
    assert macs_of(found) <= target
    for name, ratio in found.items():
        assert ratio == max(choice for choice in CHOICES[name] if choice <= level)
    lower = {n: max(r for r in rising if r < level or r == 0) for n, rising in CHOICES.items()}
    assert macs_of(lower) > target


def test_even_gives_nothing_back() -> None:
    name = next(iter(CHOICES))
    start = {**DENSE, name: largest(name)}
    target = 0.5 * macs_of(start)
    found = uniform_step(CHOICES, start=start, enough=lambda r: macs_of(r) <= target)
    assert all(found[n] >= start[n] for n in found)
    assert macs_of(found) <= target


def test_where_nothing_is_enough_everything_is_removed() -> None:
    found = uniform_step(CHOICES, start=DENSE, enough=lambda _: False)
    assert found == {name: largest(name) for name in CHOICES}


@pytest.mark.parametrize("seed", range(20))
def test_an_exchange_is_another_allocation_that_is_enough(seed: int) -> None:
    random = np.random.default_rng(seed)
    target = 0.4 * macs_of(DENSE)
    start = uniform_step(CHOICES, start=DENSE, enough=lambda r: macs_of(r) <= 0.8 * macs_of(DENSE))
    before = uniform_step(CHOICES, start=start, enough=lambda r: macs_of(r) <= target)
    after = swap(before, CHOICES, start=start, enough=lambda r: macs_of(r) <= target, random=random)
    assert macs_of(after) <= target
    assert sum(after[n] < before[n] for n in before) == 1
    assert all(after[n] >= start[n] and after[n] in CHOICES[n] for n in after)
    [wider] = [n for n in before if after[n] < before[n]]
    assert 1 <= CHOICES[wider].index(before[wider]) - CHOICES[wider].index(after[wider]) <= 3
    again = swap(
        before,
        CHOICES,
        start=start,
        enough=lambda r: macs_of(r) <= target,
        random=np.random.default_rng(seed),
    )
    assert again == after


def test_what_cannot_be_exchanged_stays() -> None:
    random = np.random.default_rng(0)
    everything = {name: largest(name) for name in CHOICES}
    for ratios in (DENSE, everything):

        def enough(found: Mapping[str, float], target: float = macs_of(ratios)) -> bool:
            return macs_of(found) <= target

        found = swap(ratios, CHOICES, start=DENSE, enough=enough, random=random)
        assert found == ratios


def test_an_exchange_widens_a_group_by_one_to_three_choices() -> None:
    before = {name: largest(name) for name in CHOICES}
    steps = set()
    for seed in range(60):
        random = np.random.default_rng(seed)
        after = swap(before, CHOICES, start=DENSE, enough=lambda _: True, random=random)
        [wider] = [n for n in before if after[n] < before[n]]
        steps.add(CHOICES[wider].index(before[wider]) - CHOICES[wider].index(after[wider]))
    assert steps == {1, 2, 3}
