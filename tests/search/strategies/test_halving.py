"""Promotions of halving among trials that are known: the order over the front."""

from __future__ import annotations

from dataclasses import replace

from paretoprune.config.target import Target
from paretoprune.results import Budget, Job, Metrics, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.strategies.halving import Halving
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import search_context

LEFT = RemainingBudget(Budget(99, "trials"), 4.0, lambda _macs: TrialTime(1.0, 0.0))
# Accuracy and MACs. In MACs the second half of the front lies close together, in their logarithm
# trial 3 is in the middle.
FRONT = {1: (90.0, 1000), 2: (10.0, 10), 3: (50.0, 100), 4: (70.0, 500)}


def job(number: int, parent: int | None = None) -> Job:
    ratios = {group.name: number / 20 for group in formula.GROUPS}
    return Job(number, "halving", ratios, formula.widths_of(ratios), 0, parent=parent, epochs=1.0)


def finished(number: int, accuracy: float, macs: int) -> TrialResult:
    metrics = Metrics({"accuracy": accuracy}, macs=macs, params=macs)
    return replace(formula.evaluate(job(number)), metrics=metrics)


def test_sizes_are_spread_evenly_in_their_logarithm() -> None:
    results = [finished(number, *values) for number, values in FRONT.items()]
    results += [finished(number, 5.0, 600 + number) for number in range(5, 10)]
    strategy = Halving(search_context(), Target(path="optuna.samplers.RandomSampler"))
    promoted: list[int | None] = []
    for number in range(10, 13):
        running = [job(number, parent) for parent in promoted]
        proposal = strategy.propose(number, results, running, LEFT)
        promoted.append(proposal.parent if proposal else None)
    assert sorted(promoted[:2], key=str) == [1, 2]  # the best of each objective
    assert promoted[2] == 3


def test_what_was_not_measured_is_promoted_last() -> None:
    results = [finished(number, *values) for number, values in FRONT.items()]
    unmeasured = [
        replace(finished(number, 0.0, 5), metrics=Metrics(macs=5, params=5)) for number in (5, 6)
    ]
    strategy = Halving(search_context(), Target(path="optuna.samplers.RandomSampler"))
    proposal = strategy.propose(10, [*unmeasured, *results], [], LEFT)
    assert proposal is not None and proposal.parent in (1, 2)


def test_trials_are_needed_until_they_were_promoted_or_are_on_the_last_rung() -> None:
    results = [finished(number, *values) for number, values in FRONT.items()]
    strategy = Halving(search_context(), Target(path="optuna.samplers.RandomSampler"))
    assert strategy.needed(results) == {1, 2, 3, 4}
    promoted = replace(finished(5, 92.0, 1000), parent=1, rung=1)
    assert strategy.needed([*results, promoted]) == {2, 3, 4, 5}
    last = replace(finished(6, 93.0, 1000), parent=5, rung=2)
    failed = replace(finished(7, 93.0, 1000), state="failed")
    assert strategy.needed([*results, promoted, last, failed]) == {2, 3, 4}
