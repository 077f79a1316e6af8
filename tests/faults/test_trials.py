"""A trial that raises, hangs, gives no number or is killed: recorded, and the sweep continues."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paretoprune.errors import SweepError
from paretoprune.executors.attempt import Evaluate
from paretoprune.executors.inline import Inline
from paretoprune.executors.interface import Executor
from paretoprune.executors.processes import Processes
from paretoprune.results import Job, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.testing import formula
from tests.faults.driver import fork, status_of, sweep

_RAISES = '    raise ValueError(f"trial {job.number} has no luck")'


def good(job: Job) -> TrialResult:
    """A trial of the formula."""
    return formula.evaluate(job)


def raises(job: Job) -> TrialResult:
    """A trial with a fault of its own."""
    raise ValueError(f"trial {job.number} has no luck")


def hangs(job: Job) -> TrialResult:
    """A trial that never ends."""
    while True:
        time.sleep(0.05)


def dies(job: Job) -> TrialResult:
    """A trial whose process is killed, as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@dataclass(frozen=True)
class Bad:
    """Trials in a worker, of which some go wrong. Travels to the worker, so no lambda."""

    numbers: tuple[int, ...]
    fault: Evaluate
    once: Path | None = None  # a file that says that it has gone wrong already

    def __call__(self) -> Evaluate:
        return self.evaluate

    def evaluate(self, job: Job) -> TrialResult:
        if job.number not in self.numbers or (self.once and self.once.exists()):
            return good(job)
        if self.once:
            self.once.touch()
        return self.fault(job)


def finish(path: Path, executor: Executor, **options: object) -> list[TrialResult]:
    try:
        results = sweep(path, n_trials=10, executor=executor, **options)  # type: ignore[arg-type]
    finally:
        executor.close()
    assert SweepFolder(path).read_results() == results
    return results


def failures(results: list[TrialResult]) -> dict[int, str]:
    return {r.number: str(r.reason) for r in results if r.state == "failed"}


def test_an_exception_is_the_reason(tmp_path: Path) -> None:
    executor = Processes(Bad((1, 3), raises), workers=2)
    line = 1 + Path(__file__).read_text().splitlines().index(_RAISES)
    file = Path(__file__)
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    place = f"{shown}, line {line}"
    assert failures(finish(tmp_path, executor)) == {
        1: f"ValueError: trial 1 has no luck ({place})",
        3: f"ValueError: trial 3 has no luck ({place})",
    }


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_objective_that_is_no_number_is_a_failure(tmp_path: Path, bad: float) -> None:
    def evaluate(job: Job) -> TrialResult:
        result = good(job)
        if job.number == 3:
            return replace(result, metrics=replace(result.metrics, quality={"accuracy": bad}))
        return result

    assert failures(finish(tmp_path, Inline(evaluate))) == {3: f"accuracy is {bad}"}


def inline(trials: Bad) -> Executor:
    return Inline(trials.evaluate, time_limit_s=0.5)


def processes(trials: Bad) -> Executor:
    return Processes(trials, workers=2, time_limit_s=0.5)


@pytest.mark.parametrize("make", [inline, processes])
def test_a_hung_trial_is_ended(tmp_path: Path, make: Callable[[Bad], Executor]) -> None:
    found = failures(finish(tmp_path, make(Bad((3,), hangs))))
    assert found == {3: "it took longer than `executor.time_limit=0.5` seconds"}


def test_a_killed_worker_costs_only_its_trial_which_is_run_again(tmp_path: Path) -> None:
    executor = Processes(Bad((3,), dies, once=tmp_path / "once"), workers=2)
    results = finish(tmp_path / "sweep", executor)
    assert (tmp_path / "once").exists()
    assert failures(results) == {}
    assert {r.number for r in results} == set(range(len(results)))


def test_a_trial_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    found = failures(finish(tmp_path, Processes(Bad((3,), dies), workers=2), retries=1))
    assert found == {3: "given up after 2 tries: its process ended with code -9"}


def test_a_worker_that_cannot_start_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="a worker cannot start: ZeroDivisionError: division"):
        finish(tmp_path, Processes(cannot_open, workers=2))
    assert list(tmp_path.glob("trials/*/result.json")) == []


def cannot_open() -> Evaluate:
    """A worker whose data, for example, is not there."""
    1 / 0  # noqa: B018
    return good


def test_ten_failures_with_one_cause_stop_the_sweep_and_are_run_again(tmp_path: Path) -> None:
    broken = Inline(Bad(tuple(range(3, 99)), raises).evaluate)
    with pytest.raises(SweepError, match="the last 10 trials all failed with the same cause"):
        sweep(tmp_path, n_trials=20, executor=broken)
    results = SweepFolder(tmp_path).read_results()
    assert sum(r.state == "failed" for r in results) == 10
    mended = sweep(tmp_path, n_trials=20)
    assert failures(mended) == {}
    assert len(mended) >= 20


def test_failures_with_different_causes_or_apart_stop_nothing(tmp_path: Path) -> None:
    def evaluate(job: Job) -> TrialResult:
        if job.number % 10 == 9:
            return good(job)
        raise ValueError("no luck")

    def many_causes(job: Job) -> TrialResult:
        raise ValueError("no luck " + "again " * (job.number % 7))

    for number, trials in enumerate((evaluate, many_causes)):
        results = sweep(tmp_path / str(number), n_trials=25, executor=Inline(trials))
        assert sum(r.state == "failed" for r in results) > 20


def test_workers_end_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    def driver() -> None:
        executor = Processes(Bad((), good), workers=1)
        executor.submit(Job(0, "test", {}, formula.widths_of({}), 0))
        executor.collect()
        (tmp_path / "pid").write_text(str(executor._workers[0].process.pid))
        os.kill(os.getpid(), signal.SIGKILL)

    assert status_of(fork(driver)) == signal.SIGKILL
    worker = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists() and _state(worker) != "Z":
        assert time.monotonic() < deadline, "the worker lives on"
        time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
