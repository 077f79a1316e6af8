"""The same command resumes after a kill, Ctrl-C or a crash, to the same results."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from paretoprune.errors import SweepError
from paretoprune.executors.interface import Executor
from paretoprune.results import Job
from paretoprune.storage.atomic import read_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.testing import formula
from tests.faults.driver import (
    ROOT,
    Trials,
    command,
    fork,
    started,
    status_of,
    sweep,
    wait_for_job,
    wait_for_results,
)


@pytest.fixture(scope="module", params=[False, True], ids=["sampler", "chain"])
def chain(request: pytest.FixtureRequest) -> bool:
    chain: bool = request.param
    return chain


def test_a_driver_killed_again_and_again_ends_with_the_same_results(
    tmp_path: Path, chain: bool
) -> None:
    expected = sweep(tmp_path / "whole", n_trials=14, chain=chain)
    path, dice = tmp_path / "killed", random.Random(0)
    for kill in range(3):
        with started(path, trials=14, chain=int(chain), seconds=0.1) as driver:
            wait_for_results(path, 3 * kill + dice.randint(1, 3))
            driver.kill()
            assert driver.wait() == -signal.SIGKILL
    done = subprocess.run(
        command(path, trials=14, chain=int(chain)), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert SweepFolder(path).read_results() == expected


def test_ctrl_c_once_finishes_and_keeps_the_running_trial(tmp_path: Path) -> None:
    with started(tmp_path, trials=14, seconds=1.0) as driver:
        wait_for_results(tmp_path, 2)
        begun = len(list(tmp_path.glob("trials/*/job.json")))
        driver.send_signal(signal.SIGINT)
        _, said = driver.communicate(timeout=60)
        assert driver.returncode == 130
    assert "press Ctrl-C again to stop at once" in said
    trained = [r for r in SweepFolder(tmp_path).read_results() if r.state != "duplicate"]
    assert begun <= len(trained) <= begun + 1 < 14
    assert sweep(tmp_path, n_trials=14) == sweep(tmp_path / "whole", n_trials=14)


def test_ctrl_c_twice_stops_at_once_and_blames_no_trial(tmp_path: Path) -> None:
    with started(tmp_path, trials=14, seconds=300) as driver:
        wait_for_job(tmp_path)
        driver.send_signal(signal.SIGINT)
        assert driver.stderr is not None
        while "Ctrl-C again" not in driver.stderr.readline():
            pass
        driver.send_signal(signal.SIGINT)
        assert driver.wait(timeout=60) != 0
    [path] = tmp_path.glob("trials/*/job.json")
    assert read_json(path)["attempts"] == 0


def test_a_second_driver_names_the_first(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    with started(tmp_path, seconds=300) as driver:
        wait_for_job(tmp_path)
        named = rf"is being worked on by process {driver.pid} on {socket.gethostname()}, since 20"
        with pytest.raises(SweepError, match=named):
            folder.refuse_a_second_driver()
        with pytest.raises(SweepError, match=named), folder.locked():
            pass
    with folder.locked():
        pass


def test_a_trial_that_kills_its_process_each_time_is_given_up(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    for _ in range(3):
        pid = fork(lambda: sweep(tmp_path, n_trials=6, executor=Deadly(tmp_path)))
        assert status_of(pid) == signal.SIGKILL
    results = sweep(tmp_path, n_trials=6, executor=Deadly(tmp_path))
    assert [r.number for r in results if r.state == "failed"] == [3]
    assert results[3].reason == "the process ended 3 times while it ran"
    assert folder.read_results() == results


class Deadly(Executor):
    """Trials in this process, of which number 3 kills it."""

    slots = 1

    def __init__(self, path: Path) -> None:
        self._trials, self._jobs = Trials(path), list[Job]()

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def collect(self) -> formula.TrialResult:
        job = self._jobs.pop()
        if job.number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._trials.evaluate(job)

    def close(self) -> None:
        pass


def test_settings_that_changed_are_refused_and_more_trials_can_be_allowed(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    made = {"search": {"n_trials": 10, "extend": False}, "seed": 0, "threads": 1}
    folder.write_config(made)
    more = {"search": {"n_trials": 20, "extend": True}, "seed": 0, "threads": 4}
    with pytest.raises(SweepError, match=r"search\.n_trials: 10 there, 20 now") as refusal:
        folder.check_config(more)
    assert "add `search.extend=true`" in str(refusal.value)
    folder.check_config(more, extend=True)
    with pytest.raises(SweepError, match="seed: 0 there, 1 now"):
        folder.check_config({**more, "seed": 1}, extend=True)


def test_more_trials_keep_the_old_ones(tmp_path: Path) -> None:
    fewer = sweep(tmp_path, n_trials=10)
    assert sweep(tmp_path, n_trials=16)[: len(fewer)] == fewer
    assert sweep(tmp_path, n_trials=16) == sweep(tmp_path / "whole", n_trials=16)
