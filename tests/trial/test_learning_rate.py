"""The search for a learning rate: on losses that are formulas, and on a network."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from paretoprune.results import Budget
from paretoprune.stopwatch import Stopwatch
from paretoprune.trial.context import TrialContext
from paretoprune.trial.learning_rate import peak_of, rising, with_tuned_rate
from tests.trial.test_run import prepared_with


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> TrialContext:
    folder = tmp_path_factory.mktemp("cache")
    return prepared_with(folder, "model.train.epochs=4", "finetune.tune_learning_rate=true")


def with_rate(context: TrialContext, rate: float) -> TrialContext:
    finetune = replace(context.training.finetune, learning_rate=rate)
    return replace(context, training=replace(context.training, finetune=finetune))


def test_rates_rise_evenly_in_their_logarithm() -> None:
    assert rising(0.01, 10.0, 4) == pytest.approx([0.01, 0.1, 1.0, 10.0])


@pytest.mark.parametrize("best", [0.002, 0.01, 0.05])
def test_the_peak_is_twice_the_rate_of_the_least_loss(best: float) -> None:
    rates = rising(0.0001, 1.0, 81)
    losses = [abs(math.log10(rate / best)) for rate in rates]
    assert abs(math.log10(peak_of(rates, losses, usual=9.0) / (2 * best))) <= 0.026


def test_the_peak_is_at_most_ten_times_the_usual_one() -> None:
    rates = rising(0.001, 10.0, 30)
    assert peak_of(rates, [1 / rate for rate in rates], usual=0.01) == pytest.approx(0.1)


def test_the_first_losses_and_losses_that_are_too_few_say_nothing() -> None:
    rates = rising(0.001, 1.0, 30)
    assert peak_of(rates, [0.0] * 10, usual=0.005) == 0.005
    assert peak_of(rates, [0.0] * 10 + [3.0, 2.0, 4.0], usual=0.005) == 2 * rates[11]


def test_a_rate_that_is_far_off_is_mended(context: TrialContext) -> None:
    found = [
        with_tuned_rate(with_rate(context, rate)).training.finetune.learning_rate
        for rate in (0.06, 3.0)
    ]
    assert max(found) < 3 * min(found)


def test_the_same_seed_finds_the_same_rate_and_changes_no_weights(context: TrialContext) -> None:
    before = {name: value.clone() for name, value in context.dense.model.state_dict().items()}
    rates = {with_tuned_rate(context).training.finetune.learning_rate for _ in range(2)}
    assert len(rates) == 1
    for name, value in context.dense.model.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_budget_without_time_for_it_keeps_the_rate(context: TrialContext) -> None:
    ticks = count()

    def tuned(seconds: float) -> TrialContext:
        timed = replace(context, watch=Stopwatch(lambda: next(ticks)))
        return with_tuned_rate(timed, Budget(seconds, "seconds"))

    # The clock is read at both ends of the five steps, and once between.
    least = 40 * 2 / 5  # seconds of the shortest test
    poor, rich = tuned(least / 0.081), tuned(least / 0.079)
    assert poor.training.finetune.learning_rate == context.training.finetune.learning_rate
    assert rich.training.finetune.learning_rate != context.training.finetune.learning_rate
    assert poor.training.epoch_time is not None
    assert poor.training.epoch_time.seconds == 0.4 * len(context.data.train_dataloader())
    assert 0 < poor.training.epoch_time.macs < context.problem.costs.cost_of({}).macs


def test_a_network_that_diverges_at_every_rate_keeps_it(context: TrialContext) -> None:
    wild = with_rate(context, 1e30)
    assert with_tuned_rate(wild).training.finetune.learning_rate == 1e30


def test_what_was_found_stays_and_who_wants_none_has_none(
    context: TrialContext, tmp_path: Path
) -> None:
    tuned = with_tuned_rate(context)
    assert tuned is not context
    assert with_tuned_rate(tuned) is tuned
    plain = prepared_with(tmp_path)
    assert with_tuned_rate(plain) is plain
