"""Wilson's interval against published values and its defining equation."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.measure.confidence_interval import wilson_interval


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 25.53, 36.62),
        (15, 148, 6.24, 16.05),
        (0, 20, 0.0, 16.11),
        (1, 29, 0.61, 17.18),
    ],
)
def test_published_intervals(right: int, count: int, low: float, high: float) -> None:
    found = wilson_interval(100 * right / count, count)
    assert found == pytest.approx((low, high), abs=0.006)


@given(st.integers(1, 5000), st.data())
def test_its_ends_are_the_rates_that_would_just_not_be_rejected(
    count: int, data: st.DataObject
) -> None:
    rate = 100 * data.draw(st.integers(0, count)) / count
    low, high = wilson_interval(rate, count)
    assert 0 <= low <= rate + 1e-9 and rate - 1e-9 <= high <= 100
    for end in (end for end in (low, high) if 1e-9 < end < 100 - 1e-9):
        deviations = abs(rate - end) / math.sqrt(end * (100 - end) / count)
        assert deviations == pytest.approx(1.96, abs=1e-4)
