"""The number of allocations of a size that are compared, and their limit of time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paretoprune.results import Budget, TrialResult
from paretoprune.results.jobs import BudgetUnit
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.phases.link_allocation import num_evaluations, trained_number
from tests.search.front.test_gaps import trial


def left(amount: float, unit: BudgetUnit) -> RemainingBudget:
    return RemainingBudget(Budget(amount, unit), 4.0, lambda _macs: TrialTime(1.0, 0.0))


def parent(prune: float, compensate: float) -> TrialResult:
    return replace(trial(1, 0.5, 80), seconds={"prune": prune, "compensate": compensate})


@pytest.mark.parametrize("unit", ["epochs", "trials"])
@pytest.mark.parametrize("ranks", [False, True])
def test_without_a_budget_of_time_there_are_six(unit: BudgetUnit, ranks: bool) -> None:
    for one in (None, parent(0.5, 0.5), parent(0.0, 0.0)):
        assert num_evaluations(one, left(100.0, unit), num_links=4, ranks=ranks) == 6


@pytest.mark.parametrize(
    ("prune", "compensate", "amount", "expected"),
    [
        (0.5, 0.5, 800.0, 10),  # a twentieth of 800 s is 40 s: 10 s for each of 4 links
        (0.25, 0.25, 800.0, 20),
        (1.0, 0.0, 800.0, 10),
        (0.0, 1.0, 800.0, 10),
        (0.5, 0.5, 799.0, 9),
        (0.01, 0.0, 800.0, 24),  # at most
        (9.0, 9.0, 800.0, 2),  # at least
        (0.0, 0.0, 800.0, 2),  # not known
    ],
)
def test_they_take_a_twentieth_of_a_links_seconds(
    prune: float, compensate: float, amount: float, expected: int
) -> None:
    budget = left(amount, "seconds")
    found = num_evaluations(parent(prune, compensate), budget, num_links=4, ranks=False)
    assert found == expected
    with_ranks = num_evaluations(parent(prune, compensate), budget, num_links=4, ranks=True)
    assert with_ranks == max(4, expected)
    assert num_evaluations(None, budget, num_links=4, ranks=False) == 2


def test_a_duplicate_has_the_weights_of_the_trial_that_it_repeats() -> None:
    one = trial(3, 0.5, 80)
    assert trained_number(None) is None
    assert trained_number(one) == 3
    assert trained_number(replace(one, state="duplicate", duplicate_of=0)) == 0
