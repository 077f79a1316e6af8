"""The contract of executors, on a formula: run, distinguish errors from lost workers, end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from paretoprune.executors.attempt import Evaluate
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.results import Job, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.testing import formula
from tests.faults.driver import sweep


@dataclass(frozen=True)
class Trials:
    """Trials that note which process ran them; number 1 raises, and 3 kills its first worker.

    Later ones wait until 3 is tried again, so that their worker cannot take it over.
    """

    notes: Path

    def __call__(self) -> Evaluate:
        """In the worker."""
        return self.evaluate

    def evaluate(self, job: Job) -> TrialResult:
        """A trial of the formula, or a fault."""
        with (self.notes / "tried").open("a") as stream:
            stream.write(f"{job.number} {os.getpid()}\n")
        if job.number == 1:
            raise ValueError("no luck")
        if job.number == 3 and self.count(3) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        deadline = time.monotonic() + 60
        while job.number > 3 and self.count(3) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        return formula.evaluate(job)

    def count(self, number: int) -> int:
        """Return the number of attempts of a trial."""
        return sum(line.startswith(f"{number} ") for line in self.lines())

    def lines(self) -> list[str]:
        """One for each try: number and process."""
        return (self.notes / "tried").read_text().splitlines()


class Opens(Protocol):
    """The trials of a test: `evaluate` runs one, and a call in a worker gives what does."""

    def __call__(self) -> Evaluate: ...

    def evaluate(self, job: Job) -> TrialResult: ...


def context_of(
    trials: Opens, folder: Path, *, workers: int, time_limit_s: float | None = None
) -> ExecutorContext:
    """The context of an executor whose workers have one thread each."""
    return ExecutorContext(
        evaluate=trials.evaluate,
        open_worker=trials,
        workers=workers,
        time_limit_s=time_limit_s,
        threads=1,
        folder=folder,
    )


@contextmanager
def closing_at_end(executor: Executor) -> Iterator[Executor]:
    """The executor, closed whatever happens."""
    try:
        yield executor
    finally:
        executor.close()


def check_a_sweep(executor: Executor, path: Path) -> list[str]:
    """A whole sweep with a fault and a lost worker; who ran what."""
    trials = Trials(path)
    with closing_at_end(executor):
        results = sweep(path / "sweep", n_trials=8, executor=executor)
    [failed] = [r for r in results if r.state == "failed"]
    assert failed.number == 1
    assert str(failed.reason).startswith("ValueError: no luck (")
    assert "kit.py, line " in str(failed.reason), "the place in the user's code"
    assert SweepFolder(path / "sweep").read_results() == results
    assert trials.count(3) == 2
    tried = {int(line.split()[0]) for line in trials.lines()}
    assert all(trials.count(number) == 1 for number in tried - {3})
    return trials.lines()
