"""The worker of a Slurm job, in this process: what it runs, and what makes it end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paretoprune.errors import DiskFullError
from paretoprune.executors import slurm_worker
from paretoprune.executors.attempt import Evaluate
from paretoprune.executors.slurm_files import Answer, Task, WorkerFiles
from paretoprune.executors.slurm_worker import work
from paretoprune.results import Job, TrialResult
from paretoprune.testing import formula

Opens = Callable[[], Evaluate]


@pytest.fixture(autouse=True)
def no_driver_for_long(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A driver is missed after a moment; the handler of the signal is put back."""
    monkeypatch.setattr(slurm_worker, "_ALONE_S", 0.3)
    before = signal.getsignal(signal.SIGUSR2)
    yield
    signal.signal(signal.SIGUSR2, before)


@pytest.fixture
def files(tmp_path: Path) -> WorkerFiles:
    return WorkerFiles(tmp_path, "one")


def task(number: int) -> Task:
    return Task(Job(number, "test", {}, formula.widths_of({}), seed=0))


def run(files: WorkerFiles, opens: Opens = lambda: formula.evaluate, *, job_time_s: float = 60.0):  # type: ignore[no-untyped-def]
    work(opens, files, files.folder / "driver", job_time_s)


def test_it_runs_its_task_and_ends_when_the_driver_is_gone(files: WorkerFiles) -> None:
    first = task(1)
    files.assign(first)
    begun = time.monotonic()
    run(files)
    assert 0.3 <= time.monotonic() - begun < 20
    assert files.answer_to(first) == Answer(result=formula.evaluate(first.job))


def test_it_loads_the_context_once_for_many_trials(files: WorkerFiles) -> None:
    opened, tasks = list[int](), [task(number) for number in range(3)]

    def opens() -> Evaluate:
        opened.append(1)
        return formula.evaluate

    def drive() -> None:
        for one in tasks:
            files.assign(one)
            while files.answer_to(one) is None:
                (files.folder / "driver").touch()
                time.sleep(0.01)

    driver = threading.Thread(target=drive, daemon=True)
    driver.start()
    run(files, opens)
    driver.join(20)
    assert files.answer_to(tasks[-1]) == Answer(result=formula.evaluate(tasks[-1].job))
    assert opened == [1]


def test_it_begins_no_trial_that_its_time_does_not_suffice_for(files: WorkerFiles) -> None:
    first, second = task(1), task(2)

    def evaluate(job: Job) -> TrialResult:
        time.sleep(0.5)
        files.assign(second)  # what it finds next
        return formula.evaluate(job)

    files.assign(first)
    run(files, lambda: evaluate, job_time_s=0.8)
    assert not files.has_begun(second)


def test_it_ends_after_its_trial_when_slurm_announces_the_end(files: WorkerFiles) -> None:
    first, second = task(1), task(2)

    def evaluate(job: Job) -> TrialResult:
        signal.raise_signal(signal.SIGUSR2)
        return formula.evaluate(job)

    files.assign(first)
    (files.folder / "driver").touch()
    run(files, lambda: evaluate)
    assert files.answer_to(first) == Answer(result=formula.evaluate(first.job))
    assert not files.has_begun(second)


def test_a_requeued_job_gives_its_task_back(files: WorkerFiles) -> None:
    first = task(1)
    files.assign(first)
    files.begin(first)  # before Slurm ended it
    run(files)
    assert files.answer_to(first) == Answer(requeued=True)


def test_why_it_cannot_start_and_a_full_disk_are_answers(files: WorkerFiles) -> None:
    first, second = task(1), task(2)

    def broken() -> Evaluate:
        raise FileNotFoundError("no dense model")

    def full(job: Job) -> TrialResult:
        raise DiskFullError(Path("/full"))

    files.assign(first)
    run(files, broken)
    answer = files.answer_to(first)
    assert answer is not None
    assert str(answer.stopped).startswith("FileNotFoundError: no dense model")
    files.assign(second)
    run(files, lambda: full)
    assert files.answer_to(second) == Answer(full_disk=Path("/full"))


def test_a_damaged_answer_or_one_of_another_task_is_none(files: WorkerFiles) -> None:
    first, second = task(1), task(1)
    files.answer(first, Answer(requeued=True))
    assert files.answer_to(second) is None, "the same trial assigned again is another task"
    [path] = files.folder.glob("*.answer.json")
    path.write_text(path.read_text().replace("true", "false"))
    assert files.answer_to(first) is None
