"""The sizes between the dense model's and the smallest candidate's."""

from __future__ import annotations

import pytest

from paretoprune.results import Budget
from paretoprune.search.allocation.sizes import affordable_sizes
from paretoprune.testing.formula_sweep import SIZES


def test_the_ends_and_the_middle() -> None:
    assert (SIZES.dense, SIZES.least) == (64, 8)
    assert SIZES.between(0) == 64
    assert SIZES.between(1) == pytest.approx(8)
    assert SIZES.between(0.5) == pytest.approx((64 * 8) ** 0.5)


@pytest.mark.parametrize("size", [60, 45, 30, 15, 9])
def test_any_ratios_are_stretched_to_a_size(size: float) -> None:
    ratios = {"g0": 0.1, "g1": 0.5, "g2": 0.3, "g3": 0.7}
    stretched = SIZES.stretched(ratios, size)
    assert all(0 <= ratio <= 0.9 for ratio in stretched.values())
    assert size - 3 <= SIZES.size_of(stretched) <= size
    assert sorted(stretched, key=stretched.__getitem__) == sorted(ratios, key=ratios.__getitem__)


@pytest.mark.parametrize("size", [64, 32, 24, 16, 8])
def test_a_size_that_there_is_is_met_exactly(size: int) -> None:
    assert SIZES.size_of(SIZES.stretched(dict.fromkeys(SIZES.choices, 0.5), size)) == size


@pytest.mark.parametrize(
    ("budget", "seconds_per_epoch", "expected"),
    [
        (None, 2.0, 10),
        (Budget(5, "trials"), 2.0, 10),
        (Budget(36, "epochs"), None, 6),
        (Budget(10, "epochs"), None, 4),
        (Budget(1000, "epochs"), 2.0, 10),
        (Budget(90, "seconds"), 3.0, 5),
        (Budget(60, "seconds"), None, 10),
    ],
    ids=str,
)
def test_a_short_budget_has_fewer_sizes(
    budget: Budget | None, seconds_per_epoch: float | None, expected: int
) -> None:
    assert affordable_sizes(10, budget, seconds_per_epoch) == expected
    assert affordable_sizes(3, budget, seconds_per_epoch) <= 3
