"""The time model of a trial, and what a share of a budget trains."""

from __future__ import annotations

import math

import pytest

from paretoprune.results import Budget
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime

TIMES = {
    "without a teacher": TrialTime(2.0, 1.0),
    "the teacher's first epochs": TrialTime(2.0, 1.0, 3.0, 0.0, 4.0),
    "the rest of them": TrialTime(2.0, 1.0, 3.0, 2.5, 4.0),
    "cached": TrialTime(2.0, 1.0, 3.0, 4.0, 4.0),
    "never cached": TrialTime(2.0, 1.0, 3.0, 0.0, math.inf),
}


@pytest.mark.parametrize("name", TIMES)
def test_epochs_and_seconds_are_inverse(name: str) -> None:
    trial_time = TIMES[name]
    for epochs in (0.0, 0.5, 2.5, 3.0, 4.0, 40.0):
        assert trial_time.epochs_in(trial_time.seconds_for(epochs)) == pytest.approx(epochs)
    assert trial_time.epochs_in(0.5) == 0


def test_the_teacher_takes_time_of_the_epochs_that_are_new() -> None:
    assert TIMES["the rest of them"].seconds_for(3.0) == 1 + 2 * 3 + 3 * 0.5
    assert TIMES["never cached"].seconds_for(3.0) == 1 + 5 * 3


def left(seconds: float, trial_time: TrialTime, later: float | None = None) -> RemainingBudget:
    def read() -> Budget:
        return Budget(seconds if later is None else later, "seconds")

    return RemainingBudget(Budget(seconds, "seconds"), 4.0, lambda _macs: trial_time, read)


def test_who_computes_the_teachers_outputs_is_trained_as_long_as_others() -> None:
    first = left(200, TIMES["the teacher's first epochs"]).epochs(0.25, macs=1)
    assert first == pytest.approx((0.25 * (200 - 3 * 4) - 1) / 2)
    assert left(200 - 3 * 4, TIMES["cached"]).epochs(0.25, macs=1) == pytest.approx(first)


def test_without_a_cache_the_teacher_is_part_of_every_share() -> None:
    assert left(200, TIMES["never cached"]).epochs(0.25, macs=1) == pytest.approx(49 / 5)


def test_a_trial_pays_for_what_was_done_to_choose_it() -> None:
    time = TrialTime(2.0, 1.0)
    assert left(100, time).training(0.5, macs=1).seconds == pytest.approx(49)
    assert left(100, time, later=90).training(0.5, macs=1).seconds == pytest.approx(39)
    assert left(100, time, later=40).training(0.5, macs=1).seconds == 0
