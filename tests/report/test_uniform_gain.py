"""The gain over uniform pruning against closed forms."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.report.uniform_gain import gain_of, gain_over_uniform, uniform_points
from tests.report.kit import DENSE, OBJECTIVES, trial

POINTS = [(100.0, 90.0), (1000.0, 94.0), (10_000.0, 96.0)]


def test_between_two_points_the_line_runs_in_the_logarithm() -> None:
    middle = math.sqrt(100 * 1000)
    assert gain_over_uniform(middle, 93.0, POINTS) == pytest.approx(93.0 - 92.0)
    assert gain_over_uniform(1000 * 10**0.25, 90.0, POINTS) == pytest.approx(90.0 - 94.5)


def test_at_a_point_and_outside() -> None:
    assert gain_over_uniform(1000.0, 95.0, POINTS) == 1.0
    assert gain_over_uniform(100.0, 95.0, POINTS) == 5.0
    assert gain_over_uniform(99.0, 95.0, POINTS) is None
    assert gain_over_uniform(10_001.0, 95.0, POINTS) is None
    assert gain_over_uniform(5.0, 95.0, []) is None


def test_a_quality_to_be_minimised_gains_by_falling() -> None:
    assert gain_over_uniform(1000.0, 0.5, [(1000.0, 0.75)], direction="minimize") == 0.25


def test_of_two_uniform_points_of_one_size_the_better_counts() -> None:
    points = [(10.0, 80.0), (10.0, 85.0)]
    assert gain_over_uniform(10.0, 85.0, points) == 0.0
    assert gain_over_uniform(10.0, 85.0, points, direction="minimize") == -5.0


@given(st.floats(100, 10_000), st.floats(0, 100))
def test_points_on_the_line_of_uniform_pruning_gain_nothing(size: float, slope: float) -> None:
    points = [(s, slope * math.log(s)) for s in (100.0, 700.0, 10_000.0)]
    gain = gain_over_uniform(size, slope * math.log(size), points)
    assert gain == pytest.approx(0.0, abs=1e-9)


def test_the_dense_model_is_uniform_pruning_with_ratio_zero() -> None:
    results = [
        trial(0, 90.0, 1_000_000, origin="uniform"),
        trial(1, 96.0, 10_000_000, origin="global"),
        trial(2, None, None, origin="uniform", state="failed"),
    ]
    points = uniform_points(results, DENSE, OBJECTIVES)
    assert points == [(1_000_000, 90.0), (41_000_000, 98.3)]
    uniform = 90.0 + 8.3 * math.log(10) / math.log(41)
    assert gain_of(results[1], points, OBJECTIVES) == pytest.approx(96.0 - uniform)
    assert gain_of(results[2], points, OBJECTIVES) is None
