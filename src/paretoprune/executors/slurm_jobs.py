"""Trials as Slurm jobs, one job a trial, by submitit."""

from __future__ import annotations

import logging
import math
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import submitit

from paretoprune.errors import DiskFullError
from paretoprune.executors.attempt import Evaluate, Lost, attempt, too_slow
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.executors.slurm_record import SlurmRecord
from paretoprune.results import Job, TrialResult

_log = logging.getLogger(__name__)

_POLL_S = 1.0  # submitit asks Slurm itself only every few seconds
_ENDING_S = 60.0  # maximum time that a cancelled job takes to end


class _Handle(Protocol):
    """A job of submitit."""

    @property
    def job_id(self) -> str: ...

    @property
    def state(self) -> str: ...

    def done(self) -> bool: ...

    def cancel(self, check: bool = ...) -> None: ...


class SlurmJobs(Executor):
    """Slurm jobs, each of which loads the context and runs one trial.

    Jobs that a killed driver left in the queue are adopted when their trial is submitted again;
    the others are cancelled at the end.
    """

    def __init__(
        self,
        context: ExecutorContext,
        *,
        gpus_per_worker: float = 0.0,
        partition: str | None = None,
        cluster: Literal["slurm", "local"] = "slurm",
    ) -> None:
        """Submit to Slurm, or with `cluster=local` to processes of this machine."""
        self.slots = context.workers
        self._open_worker = context.open_worker
        self._time_limit_s = context.time_limit_s
        self._record = SlurmRecord(context.folder.resolve())
        self._running: list[tuple[Job, _Handle]] = []
        self._executor = submitit.AutoExecutor(context.folder / "slurm", cluster=cluster)
        self._executor.update_parameters(
            name="paretoprune",
            cpus_per_task=context.threads,
            gpus_per_node=math.ceil(gpus_per_worker),
            timeout_min=_minutes(context.time_limit_s),
            **({"slurm_partition": partition} if partition else {}),
        )
        self._orphans = self._left_behind(local=cluster == "local")

    def submit(self, job: Job) -> None:
        """Submit the job to Slurm, or adopt the one that an earlier driver submitted."""
        earlier, handle = self._orphans.pop(job.number, (None, None))
        if handle is not None and earlier == job:
            _log.info("trial %d still runs, as Slurm job %s", job.number, handle.job_id)
            self._running.append((job, handle))
            return
        if handle is not None:
            _end(handle)
        self._record.forget(job.number)
        submitted = self._executor.submit(_run, self._open_worker, job, self._record)
        self._record.note(job, str(submitted.job_id))
        self._running.append((job, submitted))

    def collect(self) -> TrialResult | Lost:
        """Wait for a job to end."""
        while True:
            for entry in self._running:
                if entry[1].done():
                    self._running.remove(entry)
                    return self._outcome(*entry)
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Cancel the jobs that run or wait in the queue."""
        for job, handle in [*self._running, *self._orphans.values()]:
            handle.cancel(check=False)
            self._record.forget(job.number)
        self._running, self._orphans = [], {}

    def _left_behind(self, *, local: bool) -> dict[int, tuple[Job, _Handle]]:
        """Return the unfinished jobs of a driver that was killed, by trial number."""
        found: dict[int, tuple[Job, _Handle]] = {}
        for job, job_id in self._record.jobs():
            handle: _Handle = (
                _LocalProcess(job_id)
                if local
                else submitit.SlurmJob(folder=self._executor.folder, job_id=job_id)
            )
            if handle.done():
                self._record.forget(job.number)  # its result is in the trial's folder
            else:
                found[job.number] = (job, handle)
        return found

    def _outcome(self, job: Job, handle: _Handle) -> TrialResult | Lost:
        answer = self._record.read_answer(job.number)
        self._record.forget(job.number)
        if isinstance(answer, Path):
            raise DiskFullError(answer)
        if answer is not None:
            return answer
        if self._time_limit_s is not None and handle.state in ("TIMEOUT", "TIMED OUT"):
            return too_slow(job, self._time_limit_s)
        return Lost(job, f"its Slurm job {handle.job_id} ended in state {handle.state}")


@dataclass(frozen=True)
class _LocalProcess:
    """A job of `cluster=local` that another process started."""

    job_id: str  # of its process
    state: str = "INTERRUPTED"  # if it ended without an answer

    def done(self) -> bool:
        """Return True if the process has ended; its number may have been reused since."""
        try:
            command = Path(f"/proc/{self.job_id}/cmdline").read_bytes()
        except OSError:
            return True
        return b"submitit" not in command  # a process that ended has none

    def cancel(self, check: bool = True) -> None:
        """Interrupt the process, as submitit does."""
        with suppress(ProcessLookupError):
            os.kill(int(self.job_id), signal.SIGINT)


def _run(open_worker: Callable[[], Evaluate], job: Job, record: SlurmRecord) -> None:
    """Run one trial; the main function of a Slurm job."""
    try:
        record.answer(job.number, attempt(open_worker(), job))
    except DiskFullError as error:
        record.answer(job.number, error.folder)


def _end(handle: _Handle) -> None:
    """Cancel a job and wait for its end: two jobs must not write to one trial's folder."""
    handle.cancel(check=False)
    deadline = time.monotonic() + _ENDING_S
    while not handle.done() and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _minutes(time_limit_s: float | None) -> int:
    """Return the time limit in minutes for Slurm; without a limit, a day."""
    return 24 * 60 if time_limit_s is None else max(1, math.ceil(time_limit_s / 60))
