"""`executor=processes`: trials in processes of this machine, by Python alone."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from paretoprune.config.own.code import with_place
from paretoprune.config.targets.signatures import declares
from paretoprune.errors import DiskFullError, SweepError
from paretoprune.executors.attempt import Evaluate, Lost, attempt, too_slow
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.results import Job, TrialResult

# Fresh interpreters: a fork would copy the locks of torch's threads, and could not use CUDA.
_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class _Ready:
    """Message of a worker that can run jobs."""


@dataclass(frozen=True)
class _Stopped:
    """Message of a worker that cannot continue, for a reason that is not in the job."""

    reason: str
    full_disk: Path | None = None


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    ready: bool = False
    job: Job | None = None
    deadline: float = inf  # of the job, by the monotonic clock


@declares("runs_on_this_machine")
def processes(context: ExecutorContext) -> Executor:
    """Start processes of this machine, each when it is first needed."""
    return Processes(
        context.open_worker, workers=context.workers, time_limit_s=context.time_limit_s
    )


class Processes(Executor):
    """Worker processes, each of which loads the context once and runs one job after another.

    If a worker is killed, only its job is lost. All workers end when this process ends, even if it
    is killed.
    """

    def __init__(
        self,
        open_worker: Callable[[], Evaluate],
        *,
        workers: int,
        time_limit_s: float | None = None,
    ) -> None:
        """`open_worker` is called once in each worker; it must be picklable."""
        self.slots = workers
        self._open_worker = open_worker
        self._time_limit_s = inf if time_limit_s is None else time_limit_s
        self._workers: list[_Worker] = []

    def submit(self, job: Job) -> None:
        """Assign the job to an idle or a new worker, which starts it when it is ready."""
        idle = next((w for w in self._workers if w.job is None and w.process.is_alive()), None)
        if idle is None:
            idle = _start(self._open_worker)
            self._workers.append(idle)
        idle.job = job
        if idle.ready:
            self._send(idle)

    def collect(self) -> TrialResult | Lost:
        """Wait for a job to end, for its worker to die, or for a time limit."""
        while True:
            busy = [worker for worker in self._workers if worker.job is not None]
            deadline = min(worker.deadline for worker in busy)
            patience_s = None if deadline == inf else max(0.0, deadline - time.monotonic())
            pipes = wait([worker.pipe for worker in busy], timeout=patience_s)
            worker = next((w for w in busy if w.pipe in pipes), None)
            if worker is None:
                late = next((w for w in busy if w.deadline <= time.monotonic()), None)
                if late is not None:
                    return too_slow(self._end(late), self._time_limit_s)
            elif (outcome := self._outcome(worker)) is not None:
                return outcome

    def close(self) -> None:
        """Kill all workers."""
        while self._workers:
            self._kill(self._workers.pop())

    def _outcome(self, worker: _Worker) -> TrialResult | Lost | None:
        """Return the result that a worker's message brings; None if its job continues."""
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            code = worker.process.exitcode
            return Lost(self._end(worker), f"its process ended with code {code}")
        if isinstance(message, _Ready):
            worker.ready = True
            self._send(worker)
            return None
        if isinstance(message, _Stopped):
            if message.full_disk:
                raise DiskFullError(message.full_disk)
            raise SweepError(f"a worker cannot start: {message.reason}")
        assert isinstance(message, TrialResult)
        worker.job, worker.deadline = None, inf
        return message

    def _send(self, worker: _Worker) -> None:
        worker.deadline = time.monotonic() + self._time_limit_s
        # If it has died, `collect` will find its end of the pipe closed.
        with contextlib.suppress(OSError):
            worker.pipe.send(worker.job)

    def _end(self, worker: _Worker) -> Job:
        """Kill a busy worker and return its job."""
        self._workers.remove(worker)
        self._kill(worker)
        assert worker.job is not None
        return worker.job

    @staticmethod
    def _kill(worker: _Worker) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


def _start(open_worker: Callable[[], Evaluate]) -> _Worker:
    ours, theirs = _spawn.Pipe()
    process = _spawn.Process(target=_work, args=(theirs, open_worker), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _work(pipe: Connection, open_worker: Callable[[], Evaluate]) -> None:
    """Run jobs from the pipe until it is closed; the main function of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the sweep's process to answer
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        evaluate = open_worker()
    except Exception as error:
        pipe.send(_Stopped(with_place(error)))
        return
    pipe.send(_Ready())
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(attempt(evaluate, job))
        except DiskFullError as error:
            pipe.send(_Stopped(str(error), full_disk=error.folder))


def _die_with_parent() -> None:
    """End this process with the sweep's: a resumed sweep would run the same trials again."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
