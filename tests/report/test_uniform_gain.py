"""The gain over uniform pruning against closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.report.uniform_gain import Gain, gain_over_uniform, gains_of, training_sentence
from paretoprune.results import TrialResult
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


def trained(
    number: int, accuracy: float, macs: int, epochs: float, origin: str, parent: int | None = None
) -> TrialResult:
    return replace(
        trial(number, accuracy, macs, origin=origin),
        epochs=epochs,
        asked_epochs=epochs,
        parent=parent,
    )


def test_the_dense_model_is_uniform_pruning_with_ratio_zero() -> None:
    results = [
        trial(0, 90.0, 1_000_000, origin="uniform"),
        trial(1, 96.0, 10_000_000, origin="global"),
        trial(2, None, None, origin="uniform", state="failed"),
    ]
    gains = gains_of(results, DENSE, OBJECTIVES)
    uniform = 90.0 + 8.3 * math.log(10) / math.log(41)
    assert gains[1].value == pytest.approx(96.0 - uniform)
    assert not gains[1].more_trained  # none of them was trained
    assert gains.keys() == {0, 1}


def test_a_gain_of_a_model_that_was_trained_more_along_its_lineage_says_so() -> None:
    """The link has six epochs in all, though only two are its own; uniform pruning has four."""
    results = [
        trained(0, 90.0, 1_000_000, 4, "uniform"),
        trained(1, 94.0, 4_000_000, 4, "uniform"),
        trained(2, 96.0, 8_000_000, 4, "chain"),
        trained(3, 95.0, 2_000_000, 2, "chain", parent=2),
        trained(4, 95.0, 2_000_000, 4, "sampler"),
    ]
    gains = gains_of(results, DENSE, OBJECTIVES)
    assert gains[3] == Gain(pytest.approx(3.0), more_trained=True)  # type: ignore[arg-type]
    assert gains[4] == Gain(pytest.approx(3.0), more_trained=False)  # type: ignore[arg-type]
    # Beyond the largest control lies only the dense model, which was not trained any further.
    assert gains[2].more_trained
    assert gains[1] == Gain(0.0, more_trained=False)


def test_the_strongest_control_with_as_much_training_counts() -> None:
    """A chain of uniform cuts has ten epochs in all: it counts for all with up to ten."""
    results = [
        trained(0, 90.0, 1_000_000, 4, "uniform"),
        trained(1, 94.0, 4_000_000, 4, "uniform"),
        trained(2, 95.0, 4_000_000, 6, "uniform_chain"),
        trained(3, 93.0, 1_000_000, 4, "uniform_chain", parent=2),
        trained(4, 96.0, 4_000_000, 6, "chain"),
        trained(5, 97.0, 2_000_000, 1, "chain", parent=4),
        trained(6, 97.0, 2_000_000, 12, "chain"),
        trained(7, 94.0, 1_000_000, 4, "chain", parent=4),
    ]
    gains = gains_of(results, DENSE, OBJECTIVES)
    assert gains[4] == Gain(1.0, more_trained=False)
    assert gains[7] == Gain(1.0, more_trained=False)
    # One end of the interval was trained for six epochs only, the candidate for seven.
    assert gains[5] == Gain(pytest.approx(3.0), more_trained=True)  # type: ignore[arg-type]
    assert gains[6].more_trained
    # The stronger control counts against the weaker one, too.
    assert gains[1] == Gain(-1.0, more_trained=False)


def test_the_sentence_says_how_much_was_trained_and_against_what() -> None:
    assert training_sentence(56.0, None, OBJECTIVES) == (
        "Trained for 56 epochs in total, along its lineage."
    )
    more = training_sentence(56.0, Gain(1.9, more_trained=True), OBJECTIVES)
    assert more.endswith(
        "accuracy (%) +1.90 over uniform pruning of its size, but it is more trained than that."
    )
    equal = training_sentence(4.0, Gain(-0.5, more_trained=False), OBJECTIVES)
    assert equal.endswith("-0.50 over uniform pruning of its size, with as much training.")
