"""Trials as Slurm jobs, run by submitit's own stand-in for Slurm on this machine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paretoprune.executors.attempt import Evaluate
from paretoprune.executors.interface import Executor
from paretoprune.results import Job, TrialResult
from paretoprune.testing import formula
from tests.executors.kit import Trials, check_a_sweep, context_of
from tests.faults.driver import fork, status_of

pytest.importorskip("submitit", reason="the extra `slurm` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of submitit's own files


def open_executor(trials: object, path: Path, *, workers: int = 2) -> Executor:
    from paretoprune.executors.slurm_jobs import SlurmJobs

    return SlurmJobs(context_of(trials, path, workers=workers), cluster="local")  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_sweep(tmp_path: Path) -> None:
    lines = check_a_sweep(open_executor(Trials(tmp_path), tmp_path), tmp_path)
    assert len({line.split()[1] for line in lines}) == len(lines), "a process for each try"
    assert list((tmp_path / "slurm" / "trials").iterdir()) == []


@dataclass(frozen=True)
class Gated:
    """Trials that note their beginning, and end when the file `gate` is there."""

    path: Path

    def __call__(self) -> Evaluate:
        """In the job."""
        return self.evaluate

    def evaluate(self, job: Job) -> TrialResult:
        """Wait for the gate, then answer by the formula."""
        with (self.path / "begun").open("a") as stream:
            stream.write(f"{job.number}\n")
        deadline = time.monotonic() + 90
        while not (self.path / "gate").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return formula.evaluate(job)

    def begun(self) -> list[str]:
        """The numbers of the trials that were begun, as often as they were."""
        return (self.path / "begun").read_text().split() if (self.path / "begun").exists() else []


JOB = Job(5, "test", {}, formula.widths_of({}), 0)


@pytest.fixture
def orphaned(tmp_path: Path) -> Iterator[Gated]:
    """A driver was killed while its job runs trial 5."""
    trials = Gated(tmp_path)

    def driver() -> None:
        open_executor(trials, tmp_path).submit(JOB)
        while not trials.begun():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)

    assert status_of(fork(driver)) == signal.SIGKILL
    yield trials
    (tmp_path / "gate").touch()


@pytest.mark.slow
def test_a_job_that_a_killed_driver_left_is_waited_for(orphaned: Gated) -> None:
    executor = open_executor(orphaned, orphaned.path)
    executor.submit(JOB)
    (orphaned.path / "gate").touch()
    assert executor.collect() == formula.evaluate(JOB)
    executor.close()
    assert orphaned.begun() == ["5"], "the trial was not run twice"


@pytest.mark.slow
def test_a_job_for_another_architecture_is_ended_first(orphaned: Gated) -> None:
    executor = open_executor(orphaned, orphaned.path)
    other = replace(JOB, ratios={"g0": 0.5}, widths=formula.widths_of({"g0": 0.5}))
    executor.submit(other)
    (orphaned.path / "gate").touch()
    assert executor.collect() == formula.evaluate(other)
    executor.close()
    assert orphaned.begun() == ["5", "5"]


@pytest.mark.slow
def test_an_orphaned_job_is_cancelled(orphaned: Gated) -> None:
    from paretoprune.executors.slurm_jobs import _LocalProcess
    from paretoprune.executors.slurm_record import SlurmRecord

    [(job, job_id)] = SlurmRecord(orphaned.path).jobs()
    assert job == JOB
    open_executor(orphaned, orphaned.path).close()
    deadline = time.monotonic() + 60
    while not _LocalProcess(job_id).done():
        assert time.monotonic() < deadline, "the job lives on"
        time.sleep(0.1)
    assert SlurmRecord(orphaned.path).jobs() == []
    assert open_executor(orphaned, orphaned.path)._orphans == {}  # type: ignore[attr-defined]
