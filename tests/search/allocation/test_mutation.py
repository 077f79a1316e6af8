"""Allocations of one size, on a network that is a formula."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from paretoprune.search.allocation.mutation import swap, uniform_step, widened
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


def saved(name: str, ratio: float, wider: float) -> float:
    """Damage that the first groups avoid most."""
    return (ratio - wider) / (1 + [*CHOICES].index(name))


@pytest.mark.parametrize("share", [0.9, 0.6, 0.33, 0.2])
def test_a_uniform_step_is_widened_up_to_the_size(share: float) -> None:
    target = share * macs_of(DENSE)

    def enough(ratios: Mapping[str, float]) -> bool:
        return macs_of(ratios) <= target

    step = uniform_step(CHOICES, start=DENSE, enough=enough)
    found = widened(step, CHOICES, start=DENSE, enough=enough, saved=saved)
    assert macs_of(step) <= macs_of(found) <= target
    assert all(found[name] <= step[name] for name in step)
    back = {n: max(r for r in CHOICES[n] if r < step[n]) for n in step if step[n] > 0}
    assert all(found[n] in (step[n], back.get(n)) for n in step), "by one choice at most"
    kept = [n for n in back if found[n] == step[n]]
    assert all(macs_of({**found, n: back[n]}) > target for n in kept), "no other one fits"


def test_the_group_with_the_most_damage_is_widened_first() -> None:
    """One channel is missing, which is what one choice of any group of the formula has."""
    step = uniform_step(CHOICES, start=DENSE, enough=lambda r: macs_of(r) <= 0.5 * macs_of(DENSE))
    target = macs_of(step) + 1
    for order in (1, -1):
        found = widened(
            step,
            CHOICES,
            start=DENSE,
            enough=lambda r: macs_of(r) <= target,
            saved=lambda name, ratio, wider, order=order: order * saved(name, ratio, wider),
        )
        changed = [name for name in step if found[name] < step[name]]
        assert changed == [[*CHOICES][0 if order == 1 else -1]]


def test_no_group_is_wider_than_at_the_start() -> None:
    name = next(iter(CHOICES))
    start = {**DENSE, name: largest(name)}
    step = uniform_step(CHOICES, start=start, enough=lambda r: macs_of(r) <= 30)
    found = widened(step, CHOICES, start=start, enough=lambda _: True, saved=saved)
    assert found[name] == largest(name)
    assert all(found[n] < step[n] for n in found if n != name)


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
