"""A clock that jumps, as one does that is set right, changes no duration and no limit."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from paretoprune.executors.inline import Inline
from paretoprune.executors.processes import Processes
from tests.faults.driver import Trials, sweep


def test_jumps_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = sweep(tmp_path / "steady", n_trials=8)
    dice = random.Random(0)
    monkeypatch.setattr(time, "time", lambda: dice.uniform(0, 4e9))
    path = tmp_path / "jumping"
    assert sweep(path, n_trials=5, executor=Inline(Trials(path).evaluate, time_limit_s=60))
    executor = Processes(Trials(path), workers=1, time_limit_s=60)
    assert sweep(path, n_trials=8, executor=executor) == expected
    executor.close()


def test_durations_are_taken_from_clocks_that_do_not_jump() -> None:
    """`time.time` says when something was: for MLflow, and for the age of a page."""
    package = Path(__file__).resolve().parents[2] / "src" / "paretoprune"
    asking = {p.name for p in package.rglob("*.py") if "time.time()" in p.read_text()}
    assert asking == {"record.py", "runs.py", "report_content.py"}
