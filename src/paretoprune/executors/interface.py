"""The interface of executors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paretoprune.executors.attempt import Evaluate, Lost
from paretoprune.results import Job, TrialResult


@dataclass(frozen=True)
class ExecutorContext:
    """Passed to an executor as `context` when a sweep starts.

    `open_worker` is picklable. It is called once in every other process and returns the function
    that runs a trial there.
    """

    evaluate: Evaluate  # runs a trial in this process
    open_worker: Callable[[], Evaluate]
    workers: int  # number of jobs that may run at once
    time_limit_s: float | None  # of a trial; None: no limit
    threads: int  # CPU threads of each worker
    folder: Path  # of the sweep, for files of the executor's own; all its machines must see it


class Executor(ABC):
    """Runs trials, and returns their results in the order in which they end.

    The `_target_` of `executor` is a subclass, or a function that returns one. It is called once
    per sweep with its options, given as `executor.NAME=...`, and with `context`, an
    `ExecutorContext`. It is used by one thread, and closed at the end of the sweep whatever
    happens. The trait `runs_in_process` (see `config.targets.signatures.declares`) says that trials
    run in the sweep's own process, so that model and data need not be built again elsewhere;
    `runs_on_this_machine`, that its workers share the memory of this machine.
    """

    slots: int  # number of jobs that may be submitted and not yet collected

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Accept a job; called only while fewer than `slots` are submitted and not collected."""

    @abstractmethod
    def collect(self) -> TrialResult | Lost:
        """Wait until any submitted job ends, and return its result.

        A job that raised an exception or exceeded the time limit is returned as a failed result
        (`attempt.attempt`, `attempt.too_slow`). A job whose worker died is returned as `Lost` and
        may be submitted again.

        Raises:
            DiskFullError: a job found no space on its disk.
            SweepError: workers cannot start.
        """

    @abstractmethod
    def close(self) -> None:
        """End all workers, including those that are running a job."""
