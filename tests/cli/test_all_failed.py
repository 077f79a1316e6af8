"""A sweep all of whose trials fail, the dense model's included, says so and is no success."""

from __future__ import annotations

from pathlib import Path

from tests.kits.commands import SWEEP, run_report, run_train

FAILING = "schedule._target_=tests.kits.failing_schedule.Fails"


def test_it_says_so_and_ends_with_1(tmp_path: Path) -> None:
    run = run_train(tmp_path, *SWEEP, "search.n_trials=3", FAILING)
    assert run.code == 1
    assert "this schedule always fails" in run.err and "Traceback" not in run.err
    assert run_report(tmp_path, "tiny").code == 2  # no trial has finished
