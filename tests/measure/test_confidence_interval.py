"""Wilson's interval against published values and its defining equation."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.measure.confidence_interval import (
    bootstrap_interval,
    paired_interval,
    wilson_interval,
)


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


def test_the_paired_interval_is_that_of_the_normal_distribution_for_many_samples() -> None:
    values = torch.randn(2000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    low, high = paired_interval(values + 0.5)
    error = 1.96 * values.std().item() / math.sqrt(len(values))
    centre = 0.5 + values.mean().item()
    assert (low, high) == pytest.approx((centre - error, centre + error), abs=0.1 * error)


def test_a_predictor_does_not_differ_from_itself() -> None:
    assert paired_interval(torch.zeros(10)) == (0.0, 0.0)
    assert paired_interval(torch.full((10,), 100.0)) == (100.0, 100.0)
    with pytest.raises(ValueError, match="no samples"):
        paired_interval(torch.zeros(0))


def test_pairing_finds_what_two_intervals_would_hide() -> None:
    """Right on 60 and 65 of 100 samples: the single intervals overlap, the differences agree."""
    right = torch.arange(100)
    differences = 100.0 * ((right < 65).float() - (right < 60).float())
    low, _ = paired_interval(differences)
    assert low > 0 and wilson_interval(65, 100)[0] < wilson_interval(60, 100)[1]


def test_the_interval_of_a_root_mean_square_is_that_of_its_square() -> None:
    squares = torch.randn(500, generator=torch.Generator().manual_seed(2)).double().square()
    low, high = bootstrap_interval(lambda drawn: squares[drawn].mean().sqrt(), len(squares))
    assert (low**2, high**2) == pytest.approx(paired_interval(squares), rel=1e-2)
    assert low < float(squares.mean().sqrt()) < high
