"""Slurm jobs as workers: an array of jobs, each of which runs many trials; by submitit."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Literal

import submitit
from submitit.core.utils import FailedJobError

from paretoprune.errors import DiskFullError, SweepError
from paretoprune.executors.attempt import Lost, too_slow
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.executors.slurm_files import Answer, Task, WorkerFiles
from paretoprune.executors.slurm_queue import (
    GONE,
    Cluster,
    LocalProcesses,
    Slurm,
    ended_without_fault,
    is_live,
    wait_for_end,
    was_ended_by_cluster,
)
from paretoprune.executors.slurm_worker import work
from paretoprune.results import Job, TrialResult

_log = logging.getLogger(__name__)

_POLL_S = 0.5  # interval at which answers are looked for
_ASK_S = 5.0  # interval at which Slurm is asked for the states of its jobs
_PULSE_S = 10.0  # interval of the driver's sign of life
_WARNING_S = 90  # time before the end of a job at which Slurm tells it
_ENDING_S = 60.0  # maximum time that a cancelled job takes to end


@dataclass
class _Worker:
    files: WorkerFiles
    job_id: str
    task: Task | None = None
    deadline: float = inf  # of the task, by the monotonic clock
    begun: bool = False  # the task


class SlurmJobs(Executor):
    """Slurm jobs, each of which loads the context once and runs one trial after another.

    The first ones are submitted together, as an array; one that ends is replaced when it is needed.
    Jobs that a killed driver left are adopted when their trial is submitted again; the others are
    cancelled at the end.
    """

    def __init__(
        self,
        context: ExecutorContext,
        *,
        gpus_per_worker: float = 0.0,
        partition: str | None = None,
        cluster: Literal["slurm", "local"] = "slurm",
        job_time_s: float = 24 * 3600.0,
        sbatch: Mapping[str, Any] | None = None,
    ) -> None:
        """Submit to Slurm, or with `cluster=local` to processes of this machine."""
        self.slots = context.workers
        self._context, self._job_time_s = context, job_time_s
        self._time_limit_s = context.time_limit_s or inf
        self._folder = context.folder.resolve() / "slurm" / "workers"
        self._pulse, self._next_pulse = self._folder / "driver", 0.0
        self._cluster: Cluster = Slurm() if cluster == "slurm" else LocalProcesses()
        self._workers: list[_Worker] = []
        self._next_ask = 0.0
        self._submitted: list[Any] = []  # submitit's jobs, which own their processes
        try:
            self._submitit = submitit.AutoExecutor(context.folder / "slurm", cluster=cluster)
        except RuntimeError as error:
            raise SweepError(f"`executor=slurm` cannot be used here: {error}") from error
        minutes = max(1, math.ceil(job_time_s / 60))
        self._options: dict[str, Any] = {
            "name": "paretoprune",
            "cpus_per_task": context.threads,
            "gpus_per_node": math.ceil(gpus_per_worker),
            "timeout_min": minutes,
            "slurm_signal_delay_s": min(_WARNING_S, minutes * 60 // 4),
            **({"slurm_partition": partition} if partition else {}),
            **({"slurm_additional_parameters": dict(sbatch)} if sbatch else {}),
        }
        self._submitit.update_parameters(**self._options)
        self._orphans = self._left_behind()

    def submit(self, job: Job) -> None:
        """Assign the job to an idle or a new worker, or adopt the worker that runs it already."""
        worker = self._orphans.pop(job.number, None)
        if worker is not None and worker.task is not None and worker.task.job == job:
            _log.info("trial %d still runs, in Slurm job %s", job.number, worker.job_id)
            self._workers.append(worker)
            return
        if worker is not None:
            self._end(worker)
        self._assign(Task(job))

    def collect(self) -> TrialResult | Lost:
        """Wait for a job to end, for its worker to end, or for a time limit."""
        while True:
            self._show_life()
            for worker in [worker for worker in self._workers if worker.task]:
                if (outcome := self._outcome(worker)) is not None:
                    return outcome
            if time.monotonic() >= self._next_ask and (lost := self._first_lost()) is not None:
                return lost
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Cancel all workers and wait for their end."""
        workers = [*self._workers, *self._orphans.values()]
        self._workers, self._orphans = [], {}
        for worker in workers:
            self._cluster.cancel(worker.job_id)
        wait_for_end(self._cluster, {w.job_id for w in workers}, patience_s=_ENDING_S)
        for worker in workers:
            worker.files.forget()

    def _left_behind(self) -> dict[int, _Worker]:
        """Return the workers of a driver that was killed, by the number of their trial."""
        found: dict[int, _Worker] = {}
        for files in WorkerFiles.all_in(self._folder):
            task = files.task()
            worker = _Worker(files, files.job_id() or "", task)
            if task and files.has_begun(task) and self._lives(worker):
                found[task.job.number] = worker
            else:
                self._end(worker)
        return found

    def _lives(self, worker: _Worker) -> bool:
        states = self._cluster.states({worker.job_id})
        if states is None:
            raise SweepError("Slurm does not answer `squeue`; run the same command again later")
        return is_live(states.get(worker.job_id, GONE))

    def _assign(self, task: Task) -> None:
        idle = next((worker for worker in self._workers if worker.task is None), None)
        if idle is None:
            self._start(1 if self._submitted else self.slots - len(self._workers))
            idle = next(worker for worker in self._workers if worker.task is None)
        idle.task, idle.deadline, idle.begun = task, inf, False
        idle.files.assign(task)

    def _start(self, count: int) -> None:
        """Submit workers, several of them as one array of jobs."""
        self._show_life()
        files = [WorkerFiles(self._folder, uuid.uuid4().hex) for _ in range(count)]
        open_worker = self._context.open_worker
        fixed = [[value] * count for value in (self._pulse, self._job_time_s)]
        try:
            jobs = self._submitit.map_array(work, [open_worker] * count, files, *fixed)
        except FailedJobError as error:
            raise SweepError(f"Slurm refuses the jobs of this sweep: {error}") from error
        self._submitted += jobs
        for file, job in zip(files, jobs, strict=True):
            file.note(str(job.job_id))
            self._workers.append(_Worker(file, str(job.job_id)))

    def _outcome(self, worker: _Worker) -> TrialResult | Lost | None:
        """Return the outcome of a worker's task; None if it continues."""
        assert worker.task is not None
        task = worker.task
        if (answer := worker.files.answer_to(task)) is not None:
            worker.task, worker.deadline = None, inf
            return self._answered(task, answer, worker)
        if not worker.begun and worker.files.has_begun(task):
            worker.begun, worker.deadline = True, time.monotonic() + self._time_limit_s
        if worker.deadline <= time.monotonic():
            self._end(worker)
            return too_slow(task.job, self._time_limit_s)
        return None

    def _answered(self, task: Task, answer: Answer, worker: _Worker) -> TrialResult | Lost:
        if answer.full_disk:
            raise DiskFullError(answer.full_disk)
        if answer.stopped:
            raise SweepError(f"a worker cannot start: {answer.stopped}")
        if answer.requeued:
            return Lost(task.job, f"Slurm requeued its job {worker.job_id}", excused=True)
        assert answer.result is not None
        return answer.result

    def _first_lost(self) -> Lost | None:
        """Replace the workers that have ended; return the loss of a task that had begun."""
        self._next_ask = time.monotonic() + _ASK_S
        states = self._cluster.states({worker.job_id for worker in self._workers})
        if states is None:
            return None  # it does not answer; its workers go on
        for worker in list(self._workers):
            state = states.get(worker.job_id, GONE)
            task = worker.task
            if is_live(state) or (task and worker.files.answer_to(task) is not None):
                continue
            begun = task is not None and worker.files.has_begun(task)
            self._end(worker)
            if task is not None and (begun or not ended_without_fault(state)):
                self._next_ask = 0.0  # others may have ended, too
                return self._lost(task.job, worker, state)
            if task is not None:
                self._assign(task)
        return None

    def _lost(self, job: Job, worker: _Worker, state: str) -> Lost:
        log = self._folder.parent / f"{worker.job_id}_0_log.err"
        cause = f"its Slurm job {worker.job_id} ended in state {state} (its messages are in {log})"
        return Lost(job, cause, excused=was_ended_by_cluster(state))

    def _end(self, worker: _Worker) -> None:
        """Cancel a worker and wait for its end: two must not write to one trial's folder."""
        if worker in self._workers:
            self._workers.remove(worker)
        if worker.job_id:
            self._cluster.cancel(worker.job_id)
            wait_for_end(self._cluster, {worker.job_id}, patience_s=_ENDING_S)
        worker.files.forget()

    def _show_life(self) -> None:
        if time.monotonic() >= self._next_pulse:
            self._next_pulse = time.monotonic() + _PULSE_S
            self._folder.mkdir(parents=True, exist_ok=True)
            Path(self._pulse).touch()
