"""The sizes between the dense model's and the smallest candidate's."""

from __future__ import annotations

import pytest

from paretoprune.search import Sizes, distinct_ratios
from tests.kits import formula

SIZES = Sizes(
    choices=distinct_ratios(formula.GROUPS, formula.widths_of, max_ratio=0.9),
    size_of=lambda ratios: float(formula.cost_of(ratios).macs),
    macs_of=lambda ratios: float(formula.cost_of(ratios).macs),
)


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
