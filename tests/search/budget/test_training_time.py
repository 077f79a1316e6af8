"""The duration of trials, and the remaining budget."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterable
from dataclasses import replace
from statistics import fmean

import pytest

from paretoprune.results import Budget, EpochTime, Job, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.training_time import TrialTimes, predicted_seconds
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.testing import formula

USUAL = 0.3  # the exponent where all sizes are alike


def trial(number: int, ratio: float, seconds: float) -> TrialResult:
    ratios = {group.name: ratio for group in formula.GROUPS}
    job = Job(number, "test", ratios, formula.widths_of(ratios), 0, epochs=2.0)
    result = formula.evaluate(job)
    return replace(result, seconds={"finetune": seconds, "measure": 0.5})


def times_of(results: Iterable[TrialResult]) -> TrialTimes:
    times = TrialTimes()
    for result in results:
        times.add(result)
    return times


def slow_time(results: Iterable[TrialResult], macs: float) -> TrialTime:
    """A power law through the three nearest in the logarithm of the size; of equals the latest."""
    trained = [r for r in results if r.epochs > 0 and r.metrics.macs]
    near = sorted(trained, key=lambda r: (abs(math.log(r.metrics.macs / macs)), -r.number))[:3]  # type: ignore[operator]
    sizes = [math.log(r.metrics.macs) for r in near]  # type: ignore[arg-type]
    times = [math.log(r.seconds["finetune"] / r.epochs) for r in near]
    exponent = USUAL
    if max(sizes) - min(sizes) > 0.1:
        exponent = min(max(statistics.linear_regression(sizes, times).slope, 0.0), 1.0)
    each = math.exp(fmean(times) + exponent * (math.log(macs) - fmean(sizes)))
    fixed = fmean(r.seconds["measure"] for r in near)
    return TrialTime(pytest.approx(each), pytest.approx(fixed))  # type: ignore[arg-type]


def test_the_three_nearest_sizes_count() -> None:
    times = times_of([trial(0, 0.0, 99), trial(1, 0.5, 4), trial(2, 0.5, 4), trial(3, 0.5, 4)])
    half = formula.cost_of({g.name: 0.5 for g in formula.GROUPS}).macs
    assert times.at(half) == TrialTime(per_epoch=pytest.approx(2.0), fixed=0.5)
    assert TrialTimes().at(10) == TrialTime(per_epoch=10.0, fixed=0.0)  # a guess


def test_the_time_beyond_the_known_sizes_follows_their_trend() -> None:
    sizes = [formula.cost_of({g.name: ratio for g in formula.GROUPS}).macs for ratio in (0, 0.5)]
    for exponent, used in ((0.5, 0.5), (2.0, 1.0), (-1.0, 0.0)):
        seconds = [2 * (size / sizes[0]) ** exponent for size in sizes]
        times = times_of([trial(0, 0.0, seconds[0]), trial(1, 0.5, seconds[1])])
        middle, mean = math.sqrt(sizes[0] * sizes[1]), math.sqrt(seconds[0] * seconds[1]) / 2
        for macs in (sizes[1] / 3, middle, sizes[0] * 2):
            foretold = times.at(macs)
            assert foretold
            assert foretold.per_epoch == pytest.approx(mean * (macs / middle) ** used)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_that_of_a_search_through_all_in_any_order(seed: int) -> None:
    dice = random.Random(seed)
    results = [trial(n, dice.choice([0, 0.3, 0.5, 0.9]), dice.random()) for n in range(12)]
    results[dice.randrange(12)] = replace(results[0], number=99, epochs=0.0)
    dice.shuffle(results)
    for count in range(2, 13):
        for macs in (1, 20, 32, 45, 64, 100):
            assert times_of(results[:count]).at(macs) == slow_time(results[:count], macs)


def test_what_is_left_is_shared_in_the_unit_of_the_budget() -> None:
    def left(amount: float, unit: str) -> RemainingBudget:
        return RemainingBudget(Budget(amount, unit), 4.0, lambda macs: TrialTime(macs, 1.0))  # type: ignore[arg-type]

    assert left(7, "trials").epochs(0.1, macs=2) == 4
    assert left(30, "epochs").epochs(0.1, macs=2) == pytest.approx(3)
    assert left(50, "seconds").epochs(0.1, macs=2) == pytest.approx((5 - 1) / 2)
    assert left(5, "seconds").epochs(0.1, macs=2) == 0
    assert (left(7, "trials").num_trials(3), left(7, "seconds").num_trials(3)) == (7, 3)


def test_a_trial_that_trained_smaller_ones_along_is_asked_where_there_is_no_other() -> None:
    trunk = replace(trial(0, 0.25, 6.0), nested=({"g0": 1},))
    assert times_of([trunk]).at(48) == TrialTime(per_epoch=pytest.approx(3.0), fixed=0.5)
    other = trial(1, 0.5, 1.0)
    assert times_of([trunk, other]).at(48) == times_of([other]).at(48)


def test_before_anything_is_trained_what_was_measured_counts() -> None:
    known = EpochTime(macs=48, seconds=3.0, teacher_seconds=2.0, teacher_epochs=4, cached_epochs=1)
    untrained = replace(
        trial(1, 0.25, 6.0), epochs=0.0, seconds={"prune": 0.5, "compensate": 1.0, "measure": 2.0}
    )
    assert times_of([untrained]).at(48, known) == TrialTime(3.0, 3.5, 2.0, 1, 4)


def test_the_teacher_and_validation_are_terms_of_their_own() -> None:
    known = EpochTime(macs=48, seconds=9.0, teacher_seconds=2.0, teacher_epochs=4)
    seconds = {"finetune": 6.0, "validate": 1.0, "teacher": 50.0, "measure": 2.0, "score": 1.0}
    result = replace(trial(1, 0.25, 6.0), seconds=seconds)
    assert times_of([result]).at(48, known) == TrialTime(
        3.5, 3.0, 2.0, cached_epochs=2, teacher_epochs=4
    )
    uncached = replace(known, teacher_epochs=math.inf)
    assert times_of([result]).at(48, uncached).cached_epochs == 0


def test_seconds_at_another_size_follow_the_usual_exponent() -> None:
    known = EpochTime(macs=1000, seconds=6.0)
    assert predicted_seconds(known, 1000) == 6.0
    assert predicted_seconds(known, 125) == pytest.approx(6.0 / 8**USUAL)


def test_quantization_is_counted_as_the_dense_model_took_until_a_trial_was_trained() -> None:
    dense = replace(trial(0, 0.0, 0.0), origin="dense", epochs=0.0, seconds={"quantize": 30.0})
    known = EpochTime(macs=48, seconds=3.0)
    assert times_of([dense]).at(48, known).fixed == 30.0
    assert times_of([dense, trial(1, 0.5, 4)]).at(48, known).fixed == 0.5


@pytest.mark.parametrize("log_range", [0.05, 0.09, 0.11, 0.15, 0.3])
def test_sizes_a_tenth_apart_tell_how_the_time_grows(log_range: float) -> None:
    """Nearer ones do not, where the noise of the times would decide."""
    results = []
    for number, macs in enumerate((10**9, round(10**9 * math.exp(log_range)))):
        one = trial(number, 0.5, (1.0, math.exp(0.9 * log_range))[number])
        results.append(replace(one, metrics=replace(one.metrics, macs=macs)))
    exponent = 0.9 if log_range > 0.1 else USUAL
    middle = 10**9 * math.exp(log_range / 2)
    mean = math.exp(0.9 * log_range / 2) / 2
    expected = mean * (10**10 / middle) ** exponent
    assert times_of(results).at(10**10).per_epoch == pytest.approx(expected, rel=1e-6)
