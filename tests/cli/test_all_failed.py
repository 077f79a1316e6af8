"""A sweep whose trials all failed says so and exits with 1, also if the dense trial failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.commands import SWEEP, run_pick, run_train

FAILING = "schedule._target_=tests.kits.failing_schedule.Fails"
TOO_SHORT = "executor.time_limit=0.001s"  # even for the dense trial
THREE = "search.n_trials=3"


@pytest.mark.parametrize(
    ("fault", "number", "reason", "verdict"),
    [
        (FAILING, 2, "this schedule always fails", "it is the dense model alone"),
        (TOO_SHORT, 3, "it took longer than `executor.time_limit=0.001`", "there is no front"),
    ],
    ids=["all but the dense trial", "the dense trial, too"],
)
def test_it_is_no_success(
    tmp_path: Path, fault: str, number: int, reason: str, verdict: str
) -> None:
    run = run_train(tmp_path, *SWEEP, THREE, fault)
    assert run.code == 1
    assert f"error: all {number} trials failed, the last one because of: " in run.err
    assert reason in run.err and "Traceback" not in run.err
    assert verdict in run.out and "beats uniform" not in run.out
    if number == 3:
        assert run_train(tmp_path, *SWEEP, THREE, fault).code == 1  # nothing is left to be run
        pick = run_pick(tmp_path, "tiny", "trial=0")
        assert pick.code == 2 and "of 3 trials 0 are complete" in pick.err
