"""Trials as Slurm jobs, one job a trial, by submitit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import submitit

from paretoprune.config import ExecutorSettings
from paretoprune.errors import DiskFullError
from paretoprune.executors.attempt import Evaluate, Lost, attempt, too_slow
from paretoprune.results import Job, TrialResult

_POLL_S = 1.0  # submitit asks Slurm itself only every few seconds


class SlurmJobs:
    """Each job loads what it needs and runs one trial, so that the queue can be shared fairly."""

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
        self._running: list[tuple[Job, Any]] = []
        self._executor = submitit.AutoExecutor(folder / "slurm", cluster=settings.cluster)
        self._executor.update_parameters(
            name="paretoprune",
            cpus_per_task=threads,
            gpus_per_node=math.ceil(settings.gpus_per_worker),
            timeout_min=_minutes(settings.time_limit),
            **({"slurm_partition": settings.partition} if settings.partition else {}),
        )

    def submit(self, job: Job) -> None:
        """Hand the job to Slurm."""
        self._running.append((job, self._executor.submit(_run, self._open_worker, job)))

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
        for _, submitted in self._running:
            submitted.cancel()
        self._running = []

    def _outcome(self, job: Job, submitted: Any) -> TrialResult | Lost:
        # Not `submitted.state`, which is FINISHED for a job that was killed, too.
        error = submitted.exception()
        if error is None:
            answer = submitted.result()
            if isinstance(answer, str):
                raise DiskFullError(Path(answer))
            assert isinstance(answer, TrialResult)
            return answer
        if self._time_limit_s is not None and submitted.state in ("TIMEOUT", "TIMED OUT"):
            return too_slow(job, self._time_limit_s)
        return Lost(job, f"its Slurm job {submitted.job_id} ended: {str(error).splitlines()[0]}")


def _run(open_worker: Callable[[], Evaluate], job: Job) -> TrialResult | str:
    """The life of a Slurm job; where the disk is full, the folder on it."""
    try:
        return attempt(open_worker(), job)
    except DiskFullError as error:
        return str(error.folder)


def _minutes(time_limit_s: float | None) -> int:
    """Slurm counts minutes; without a limit of ours, a day."""
    return 24 * 60 if time_limit_s is None else max(1, math.ceil(time_limit_s / 60))
