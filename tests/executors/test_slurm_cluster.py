"""Trials in a real Slurm of this machine: two nodes, an array of workers, and what ends them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from paretoprune.errors import SweepError
from paretoprune.executors.attempt import Lost
from paretoprune.executors.slurm_files import WorkerFiles
from paretoprune.testing import formula
from tests import engines
from tests.executors.kit import Trials, check_a_sweep, context_of
from tests.executors.test_slurm_jobs import JOB, Gated, SlurmJobs, driver_is_killed
from tests.kits.servers import free_port

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of submitit's own files
    pytest.mark.timeout(400),  # a worker imports torch, which takes long on a busy machine
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A controller and two nodes; the variables of `scripts/slurm.sh`."""
    folder = tmp_path_factory.mktemp("slurm") / "s"
    variables = {"PARETOPRUNE_SLURM": str(folder), "PARETOPRUNE_SLURM_PORT": str(_free_ports())}
    try:
        said = engines.script("slurm", "start", env=variables)
        variables["SLURM_CONF"] = said.partition("=")[2].strip("'")
        yield variables
    finally:
        engines.script("slurm", "stop", env=variables)


@pytest.fixture(autouse=True)
def configured(cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", cluster["SLURM_CONF"])


def _free_ports() -> int:
    """The first of three neighbouring ports, most probably free."""
    return free_port() // 3 * 3 - 3000


def ask(*command: str) -> str:
    """Return the output of a command of Slurm."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def wait_until(holds: Callable[[], object], *, patience_s: float = 120.0) -> None:
    """Until a condition holds."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"no progress; {ask('squeue', '--states=all')}"
        time.sleep(0.1)


def job_of(executor: SlurmJobs) -> str:
    """The Slurm job that runs the only trial."""
    [worker] = [worker for worker in executor._workers if worker.task]
    return worker.job_id


def test_a_sweep_takes_one_array_of_jobs_for_many_trials(tmp_path: Path) -> None:
    executor = SlurmJobs(context_of(Trials(tmp_path), tmp_path, workers=2))
    lines = check_a_sweep(executor, tmp_path)
    assert len({line.split()[1] for line in lines}) == 3, "two, and one in place of the killed one"
    ids = {job.job_id for job in executor._submitted}
    assert sorted(job_id.partition("_")[2] for job_id in ids) == ["", "0", "1"]
    assert list((tmp_path / "slurm" / "workers").glob("*.json")) == []
    assert not ask("squeue", "--noheader"), "no job outlives its sweep"


def test_a_cancelled_job_loses_its_trial_and_is_replaced(tmp_path: Path) -> None:
    """Without accounting, which `sacct` and with it submitit would need."""
    trials = Gated(tmp_path)
    executor = SlurmJobs(context_of(trials, tmp_path, workers=1))
    with closing(executor):
        executor.submit(JOB)
        wait_until(trials.begun)
        ask("scancel", job_of(executor))
        lost = executor.collect()
        assert isinstance(lost, Lost)
        assert "ended in state CANCELLED" in lost.cause
        assert not lost.excused
        (tmp_path / "gate").touch()
        executor.submit(JOB)
        assert executor.collect() == formula.evaluate(JOB)


def test_a_requeued_job_gives_its_trial_back_and_continues(tmp_path: Path) -> None:
    trials = Gated(tmp_path)
    executor = SlurmJobs(context_of(trials, tmp_path, workers=1))
    with closing(executor):
        executor.submit(JOB)
        wait_until(trials.begun)
        job_id = job_of(executor)
        ask("scontrol", "requeue", job_id)
        lost = executor.collect()
        assert lost == Lost(JOB, f"Slurm requeued its job {job_id}", excused=True)
        (tmp_path / "gate").touch()
        executor.submit(JOB)
        assert job_of(executor) == job_id
        assert executor.collect() == formula.evaluate(JOB)


def test_a_node_that_fails_costs_only_the_trial_that_it_ran(
    tmp_path: Path, cluster: dict[str, str]
) -> None:
    trials = Gated(tmp_path)
    executor = SlurmJobs(context_of(trials, tmp_path, workers=1))
    with closing(executor):
        executor.submit(JOB)
        wait_until(trials.begun)
        node = ask("squeue", "--noheader", "--format=%N", f"--jobs={job_of(executor)}")
        engines.script("slurm", "kill", node, env=cluster)
        try:
            lost = executor.collect()
            assert isinstance(lost, Lost)
            assert lost.excused, lost.cause
            (tmp_path / "gate").touch()
            executor.submit(JOB)
            assert executor.collect() == formula.evaluate(JOB)
        finally:
            engines.script("slurm", "restart", node, env=cluster)


def test_a_trial_over_the_time_limit_is_ended_after_seconds_not_minutes(tmp_path: Path) -> None:
    trials = Gated(tmp_path)
    executor = SlurmJobs(context_of(trials, tmp_path, workers=1, time_limit_s=2.0))
    with closing(executor):
        executor.submit(JOB)
        wait_until(trials.begun)
        begun = time.monotonic()
        result = executor.collect()
        assert result.state == "failed"  # type: ignore[union-attr]
        assert "executor.time_limit=2" in str(result.reason)  # type: ignore[union-attr]
        assert time.monotonic() - begun < 50


def test_a_job_whose_end_is_announced_ends_and_another_continues(tmp_path: Path) -> None:
    """With the signal that Slurm sends before the time limit of a job."""
    (tmp_path / "gate").touch()
    trials = Gated(tmp_path)
    executor = SlurmJobs(context_of(trials, tmp_path, workers=1))
    with closing(executor):
        executor.submit(JOB)
        assert executor.collect() == formula.evaluate(JOB)
        first = executor._workers[0].job_id
        ask("scancel", "--signal=USR2", first)
        wait_until(lambda: first not in ask("squeue", "--noheader", "--format=%i"))
        executor.submit(JOB)
        assert executor.collect() == formula.evaluate(JOB)
        assert executor._workers[0].job_id != first


def test_a_job_that_a_killed_driver_left_is_waited_for(tmp_path: Path) -> None:
    trials = Gated(tmp_path)
    driver_is_killed(trials, "slurm")
    executor = SlurmJobs(context_of(trials, tmp_path, workers=1))
    with closing(executor):
        executor.submit(JOB)
        (tmp_path / "gate").touch()
        assert executor.collect() == formula.evaluate(JOB)
    assert trials.begun() == ["5"], "the trial was not run twice"


def test_a_controller_that_restarts_loses_nothing(tmp_path: Path, cluster: dict[str, str]) -> None:
    trials = Gated(tmp_path)
    executor = SlurmJobs(context_of(trials, tmp_path, workers=1))
    with closing(executor):
        executor.submit(JOB)
        wait_until(trials.begun)
        engines.script("slurm", "kill", "controller", env=cluster)
        assert executor._first_lost() is None, "Slurm does not answer; its jobs go on"
        engines.script("slurm", "restart", "controller", env=cluster)
        (tmp_path / "gate").touch()
        assert executor.collect() == formula.evaluate(JOB)
    assert trials.begun() == ["5"]


def test_a_refusal_of_slurm_is_reported_in_its_words(tmp_path: Path) -> None:
    executor = SlurmJobs(context_of(Gated(tmp_path), tmp_path, workers=1), partition="nowhere")
    with closing(executor), pytest.raises(SweepError, match=r"Slurm refuses .*partition"):
        executor.submit(JOB)
    assert WorkerFiles.all_in(tmp_path / "slurm" / "workers") == []


def test_options_of_sbatch_reach_it(tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    executor = SlurmJobs(
        context_of(Gated(tmp_path), tmp_path, workers=1), sbatch={"comment": "for the lab"}
    )
    with closing(executor):
        executor.submit(JOB)
        assert "Comment=for the lab" in ask("scontrol", "show", "job", job_of(executor))
        assert executor.collect() == formula.evaluate(JOB)
    assert os.environ["SLURM_CONF"]
