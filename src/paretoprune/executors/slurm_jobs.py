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
from typing import Protocol

import submitit

from paretoprune.config.groups.executor import ExecutorSettings
from paretoprune.errors import DiskFullError
from paretoprune.executors.attempt import Evaluate, Lost, attempt, too_slow
from paretoprune.executors.slurm_record import SlurmRecord
from paretoprune.results import Job, TrialResult

_log = logging.getLogger(__name__)

_POLL_S = 1.0  # submitit asks Slurm itself only every few seconds
_ENDING_S = 60.0  # that a cancelled job may take


class _Handle(Protocol):
    """What submitit calls a job."""

    @property
    def job_id(self) -> str: ...

    @property
    def state(self) -> str: ...

    def done(self) -> bool: ...

    def cancel(self, check: bool = ...) -> None: ...


class SlurmJobs:
    """Each job loads what it needs and runs one trial, so that the queue can be shared fairly.

    Jobs that a killed driver left behind are waited for when their trial is submitted again, and
    cancelled at the end where it is not.
    """

    def __init__(
        self,
        open_worker: Callable[[], Evaluate],
        settings: ExecutorSettings,
        *,
        threads: int,
        folder: Path,
    ) -> None:
        """Submit to Slurm, or with `settings.cluster=local` to processes of this machine."""
        self.slots = settings.workers
        self._open_worker = open_worker
        self._time_limit_s = settings.time_limit
        self._record = SlurmRecord(folder.resolve())
        self._running: list[tuple[Job, _Handle]] = []
        self._executor = submitit.AutoExecutor(folder / "slurm", cluster=settings.cluster)
        self._executor.update_parameters(
            name="paretoprune",
            cpus_per_task=threads,
            gpus_per_node=math.ceil(settings.gpus_per_worker),
            timeout_min=_minutes(settings.time_limit),
            **({"slurm_partition": settings.partition} if settings.partition else {}),
        )
        self._orphans = self._left_behind(local=settings.cluster == "local")

    def submit(self, job: Job) -> None:
        """Hand the job to Slurm, or wait for the one that an earlier driver handed over."""
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
        """What ends first."""
        while True:
            for entry in self._running:
                if entry[1].done():
                    self._running.remove(entry)
                    return self._outcome(*entry)
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Cancel what is still running or waiting."""
        for job, handle in [*self._running, *self._orphans.values()]:
            handle.cancel(check=False)
            self._record.forget(job.number)
        self._running, self._orphans = [], {}

    def _left_behind(self, *, local: bool) -> dict[int, tuple[Job, _Handle]]:
        """The jobs of a driver that was killed which have not ended, by trial."""
        found: dict[int, tuple[Job, _Handle]] = {}
        for job, job_id in self._record.jobs():
            handle: _Handle = (
                _LocalProcess(job_id)
                if local
                else submitit.SlurmJob(folder=self._executor.folder, job_id=job_id)
            )
            if handle.done():
                self._record.forget(job.number)  # its result lies in the trial's folder
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
    state: str = "INTERRUPTED"  # where it ended without an answer

    def done(self) -> bool:
        """Whether it is gone; another program may have got its number since."""
        try:
            command = Path(f"/proc/{self.job_id}/cmdline").read_bytes()
        except OSError:
            return True
        return b"submitit" not in command  # a process that ended has none

    def cancel(self, check: bool = True) -> None:
        """Interrupt it, as submitit does."""
        with suppress(ProcessLookupError):
            os.kill(int(self.job_id), signal.SIGINT)


def _run(open_worker: Callable[[], Evaluate], job: Job, record: SlurmRecord) -> None:
    """The life of a Slurm job."""
    try:
        record.answer(job.number, attempt(open_worker(), job))
    except DiskFullError as error:
        record.answer(job.number, error.folder)


def _end(handle: _Handle) -> None:
    """Cancel a job and wait until it is gone: two must not write to one trial's folder."""
    handle.cancel(check=False)
    deadline = time.monotonic() + _ENDING_S
    while not handle.done() and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _minutes(time_limit_s: float | None) -> int:
    """Slurm counts minutes; without a limit of ours, a day."""
    return 24 * 60 if time_limit_s is None else max(1, math.ceil(time_limit_s / 60))
