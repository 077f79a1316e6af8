"""A family of candidates with one parameter, over the formula."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paretoprune.results import Budget, Metrics, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.phases.one_parameter import OneParameter
from paretoprune.testing.formula_sweep import search_context


def sizes_tried(*amounts: int) -> list[float]:
    """The sizes that a family tries within each budget, one extending the other."""
    context = search_context()
    family = OneParameter(context, "uniform", context.uniform_of_size, num_sizes=4)
    results: list[TrialResult] = []
    for amount in amounts:
        while len(results) < amount:
            left = Budget(amount - len(results), "trials")
            remaining = RemainingBudget(left, 4.0, lambda _macs: TrialTime(1.0, 0.0))
            found = family.propose(len(results), results, [], remaining)
            if found is None:
                break
            assert found.parent is None and found.origin == "uniform"
            state = (found.origin, found.ratios, {}, Metrics())
            results.append(TrialResult(len(results), "complete", *state, seed=0))
    return [context.sizes.size_of(result.ratios) for result in results]


def test_the_members_fall_in_size_and_each_starts_from_the_dense_model() -> None:
    sizes = sizes_tried(4)
    assert len(sizes) == 4 and sizes == sorted(sizes, reverse=True) and len({*sizes}) == 4
    assert sizes[-1] == search_context().sizes.least


def test_an_extended_family_has_members_between_those_before_and_none_twice() -> None:
    sizes = sizes_tried(2, 5)
    assert sizes[:2] == sizes_tried(2)
    assert len(sizes) == len({*sizes}) > 3
    assert len(sizes_tried(30)) == len({*sizes_tried(30)}) < 30


@pytest.mark.parametrize("seconds", [0.01, 1, 2, 4, 6, 8, 10, 12, 16, 20, 40, 80])
def test_every_member_is_trained_for_a_useful_time_or_there_are_fewer(seconds: float) -> None:
    """The largest takes longest: sixteen times as long as the smallest would."""
    context = replace(search_context(), least_epochs=1.0)
    family = OneParameter(context, "uniform", context.uniform_of_size, num_sizes=4)
    results: list[TrialResult] = []
    left = float(seconds)

    def remaining() -> RemainingBudget:
        budget = Budget(left, "seconds")
        return RemainingBudget(budget, 4.0, lambda macs: TrialTime(macs / 10, 0.0))

    while proposal := family.propose(len(results), results, [], remaining()):
        assert proposal.seconds is not None
        each = context.sizes.macs_of(proposal.ratios) / 10
        assert proposal.seconds >= each * (1 - 1e-9)
        left -= proposal.seconds
        state = (proposal.origin, proposal.ratios, {}, Metrics())
        results.append(TrialResult(len(results), "complete", *state, seed=0))
    assert left >= -1e-6 and len(results) <= 4
    assert bool(results) == (seconds >= 1)
