"""A sweep whose trials all failed is no success."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from paretoprune.errors import TrialsFailedError
from paretoprune.results import Job, Metrics, TrialResult
from paretoprune.results.trials import State
from paretoprune.sweep.failure_streak import refuse_all_failed
from paretoprune.testing import formula

WIDTHS = formula.widths_of({})


def trials(*states: State) -> list[TrialResult]:
    """The dense model, and a trial of each state."""
    jobs = [Job(n, "uniform" if n else "dense", {}, WIDTHS, 0) for n in range(len(states))]
    return [replace(formula.evaluate(job), state=s) for job, s in zip(jobs, states, strict=True)]


@pytest.mark.parametrize(
    "states", [("failed",), ("complete", "failed"), ("complete", "failed", "failed")]
)
def test_all_that_was_tried_failed(states: Sequence[State]) -> None:
    results = [replace(r, reason=f"no luck with {r.number}") for r in trials(*states)]
    number = states.count("failed")
    with pytest.raises(TrialsFailedError, match=rf"all {number} trials failed.*no luck with"):
        refuse_all_failed(results)
    assert TrialsFailedError.exit_code == 1


@pytest.mark.parametrize(
    "states",
    [(), ("complete",), ("complete", "failed", "complete"), ("complete", "failed", "infeasible")],
)
def test_some_came_through(states: Sequence[State]) -> None:
    refuse_all_failed(trials(*states))


def test_duplicates_of_failed_trials_are_no_success() -> None:
    dense, failed, twin = trials("complete", "failed", "duplicate")
    with pytest.raises(TrialsFailedError):
        refuse_all_failed([dense, failed, replace(twin, seconds={}, metrics=Metrics())])
