"""A worker in a Slurm job: loads the context once and runs one trial after another."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from paretoprune.config.own.code import with_place
from paretoprune.errors import DiskFullError
from paretoprune.executors.attempt import Evaluate, attempt
from paretoprune.executors.slurm_files import Answer, Task, WorkerFiles

_POLL_S = 0.2
_ALONE_S = 600.0  # a worker whose driver shows no sign of life for so long ends itself
_MARGIN = 1.2  # the next trial is assumed to take at most this times the longest so far


def work(
    open_worker: Callable[[], Evaluate], files: WorkerFiles, pulse: Path, job_time_s: float
) -> None:
    """Run the tasks of a driver; the main function of a Slurm job.

    Ends when too little time is left for another trial, when Slurm announces the end of the job,
    or when the driver has ended. The driver assigns a task that was not begun to another worker.

    Args:
        open_worker: loads the context; returns the function that runs a trial.
        files: of this worker.
        pulse: a file that the driver touches as long as it lives.
        job_time_s: time limit of this Slurm job, in seconds.
    """
    deadline, longest_s = time.monotonic() + job_time_s, 0.0
    _give_up_interrupted_task(files)
    next_task = _Tasks(files, pulse, warnings=_warnings_of_the_end())
    evaluate: Evaluate | None = None
    while (task := next_task()) is not None:
        begun = time.monotonic()
        if begun + _MARGIN * longest_s > deadline:
            return
        try:
            evaluate = evaluate or open_worker()
        except Exception as error:
            files.answer(task, Answer(stopped=with_place(error)))
            return
        files.begin(task)
        files.answer(task, _run(evaluate, task))
        longest_s = max(longest_s, time.monotonic() - begun)


def _run(evaluate: Evaluate, task: Task) -> Answer:
    try:
        return Answer(result=attempt(evaluate, task.job))
    except DiskFullError as error:
        return Answer(full_disk=error.folder)


def _give_up_interrupted_task(files: WorkerFiles) -> None:
    """Give back the task that was interrupted when Slurm requeued this job."""
    task = files.task()
    if task and files.has_begun(task) and files.answer_to(task) is None:
        files.answer(task, Answer(requeued=True))


def _warnings_of_the_end() -> list[int]:
    """Return a list to which Slurm's signal before the end of the job adds an entry.

    Replaces submitit's handler, which raises an exception in the middle of a trial 90 seconds
    before the end: the trial may well end in time.
    """
    signals: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        signals.append(number)

    with suppress(ValueError):  # outside of the main thread
        signal.signal(signal.SIGUSR2, note)
    return signals


class _Tasks:
    """Waits for the next task of a worker."""

    def __init__(self, files: WorkerFiles, pulse: Path, *, warnings: Sequence[int]) -> None:
        self._files, self._pulse, self._warnings = files, pulse, warnings
        self._latest_pulse, self._alive = 0, time.monotonic()

    def __call__(self) -> Task | None:
        """Return the next task; None if the driver has ended or the job was asked to end."""
        while self._has_driver() and not self._warnings:
            task = self._files.task()
            if task is not None and self._files.answer_to(task) is None:
                return task
            time.sleep(_POLL_S)
        return None

    def _has_driver(self) -> bool:
        """Return False if the driver's file has not changed for too long, by this clock."""
        with suppress(OSError):
            pulse = self._pulse.stat().st_mtime_ns
            if pulse != self._latest_pulse:
                self._latest_pulse, self._alive = pulse, time.monotonic()
        return time.monotonic() - self._alive < _ALONE_S
