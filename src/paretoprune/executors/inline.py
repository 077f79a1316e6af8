"""`executor=inline`: trials in this process, one after another."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from paretoprune.config.targets.signatures import declares
from paretoprune.executors.attempt import Evaluate, Lost, attempt, too_slow
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.results import Job, TrialResult


@declares("runs_in_process")
def inline(context: ExecutorContext) -> Executor:
    """Run trials in this process; `workers` must be 1."""
    return Inline(context.evaluate, time_limit_s=context.time_limit_s)


class Inline(Executor):
    """Runs a job when its result is collected.

    A job over the time limit is interrupted between two Python instructions: one that hangs inside
    a compiled library can only be ended by an executor whose workers are processes.
    """

    slots = 1

    def __init__(self, evaluate: Evaluate, *, time_limit_s: float | None = None) -> None:
        self._evaluate = evaluate
        self._time_limit_s = time_limit_s
        self._jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        """Keep the job until `collect`."""
        self._jobs.append(job)

    def collect(self) -> TrialResult | Lost:
        """Run the oldest job. KeyboardInterrupt is not caught."""
        job = self._jobs.pop(0)
        if self._time_limit_s is None:
            return attempt(self._evaluate, job)
        try:
            with _alarm(self._time_limit_s):
                return attempt(self._evaluate, job)
        except _TooSlow:
            return too_slow(job, self._time_limit_s)

    def close(self) -> None:
        """Do nothing: no job runs between two calls of `collect`."""


class _TooSlow(BaseException):
    """Raised at the time limit; not an Exception, so that no library catches it."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise _TooSlow in the block after `seconds`, independent of changes of the system clock."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
