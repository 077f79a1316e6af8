"""Trials as Slurm jobs, run by submitit's own stand-in for Slurm on this machine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from paretoprune.config.instantiate import build
from paretoprune.config.load import load_settings
from paretoprune.executors.attempt import Evaluate
from paretoprune.results import Job, TrialResult
from paretoprune.testing import formula
from tests import engines
from tests.config.test_load import composed
from tests.executors.kit import Opens, Trials, check_a_sweep, context_of
from tests.faults.driver import fork, status_of

engines.needs_package("slurm", "submitit")
from paretoprune.executors.slurm_files import WorkerFiles  # noqa: E402
from paretoprune.executors.slurm_jobs import SlurmJobs  # noqa: E402
from paretoprune.executors.slurm_queue import LocalProcesses  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of submitit's own files


def open_executor(trials: Opens, path: Path, *, workers: int = 2) -> SlurmJobs:
    return SlurmJobs(context_of(trials, path, workers=workers), cluster="local")


@pytest.mark.parametrize(
    ("given", "job_time_s", "sbatch"),
    [
        ((), 24 * 3600.0, None),
        (
            ("executor.job_time=90min", "executor.sbatch={account: lab, mem: 16G}"),
            5400.0,
            {"account": "lab", "mem": "16G"},
        ),
    ],
)
def test_its_options_are_those_of_the_config(
    tmp_path: Path, given: tuple[str, ...], job_time_s: float, sbatch: dict[str, str] | None
) -> None:
    config = composed("executor=slurm", "executor.cluster=local", *given)
    context = context_of(Gated(tmp_path), tmp_path, workers=1)
    executor = build(load_settings(config).executor.target, context=context)
    assert isinstance(executor, SlurmJobs)
    assert executor._job_time_s == job_time_s
    assert executor._options["timeout_min"] == job_time_s / 60
    assert executor._options.get("slurm_additional_parameters") == sbatch


@pytest.mark.slow
def test_a_sweep(tmp_path: Path) -> None:
    lines = check_a_sweep(open_executor(Trials(tmp_path), tmp_path), tmp_path)
    assert len({line.split()[1] for line in lines}) == 3, "two, and one in place of the killed one"
    assert list((tmp_path / "slurm" / "workers").glob("*.json")) == []


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


def driver_is_killed(trials: Gated, cluster: Literal["slurm", "local"]) -> None:
    """A driver is killed while its job runs trial 5."""

    def driver() -> None:
        executor = SlurmJobs(context_of(trials, trials.path, workers=1), cluster=cluster)
        executor.submit(JOB)
        while not trials.begun():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)

    assert status_of(fork(driver)) == signal.SIGKILL


@pytest.fixture
def orphaned(tmp_path: Path) -> Iterator[Gated]:
    """A driver was killed while its job runs trial 5."""
    trials = Gated(tmp_path)
    driver_is_killed(trials, "local")
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
    [files] = WorkerFiles.all_in(orphaned.path / "slurm" / "workers")
    job_id = files.job_id()
    assert job_id is not None
    assert LocalProcesses().states([job_id]) == {job_id: "RUNNING"}
    open_executor(orphaned, orphaned.path).close()
    assert LocalProcesses().states([job_id]) == {}
    assert WorkerFiles.all_in(orphaned.path / "slurm" / "workers") == []
