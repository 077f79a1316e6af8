"""Trials on Ray: an actor per worker, on this machine or on a cluster. Ray Core, not Ray Tune."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from paretoprune.config.own.code import with_place
from paretoprune.errors import DiskFullError, SweepError
from paretoprune.executors.attempt import Evaluate, Lost, attempt, too_slow
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.results import Job, TrialResult

_PROBE_S = 10.0  # timeout of the first connection to a cluster


class _Actor:
    """The actor of a worker: dense model, scores and data stay loaded between trials."""

    def __init__(self, open_worker: Callable[[], Evaluate]) -> None:
        self._open_worker = open_worker

    def open(self) -> str | None:
        """Load the context of the trials; return the error message, if any."""
        try:
            self._evaluate = self._open_worker()
        except Exception as error:
            return with_place(error)
        return None

    def run(self, job: Job) -> TrialResult | str:
        """Return the result of a job; if its disk is full, the folder on it."""
        try:
            return attempt(self._evaluate, job)
        except DiskFullError as error:
            return str(error.folder)


@dataclass
class _Worker:
    actor: Any
    waiting: Any  # the reference to its present task
    ready: bool = False
    job: Job | None = None
    deadline: float = inf  # of the job, by the monotonic clock


class RayActors(Executor):
    """Ray actors, one per worker.

    If a worker or node is lost, only its trial is lost; Ray places a new actor elsewhere.
    """

    def __init__(
        self, context: ExecutorContext, *, gpus_per_worker: float = 0.0, address: str | None = None
    ) -> None:
        """Connect to the cluster at `address`, or start Ray on this machine."""
        self.slots = context.workers
        self._open_worker = context.open_worker
        self._time_limit_s = context.time_limit_s or inf
        self._workers: list[_Worker] = []
        self._own = not ray.is_initialized()
        if self._own:
            _connect(address)
        self._make = ray.remote(_Actor).options(
            num_cpus=context.threads,
            num_gpus=gpus_per_worker,
            max_restarts=0,  # the sweep decides whether a trial is run again
        )

    def submit(self, job: Job) -> None:
        """Assign the job to an idle actor or to a new one."""
        idle = next((worker for worker in self._workers if worker.job is None), None)
        if idle is None:
            actor = self._make.remote(self._open_worker)
            idle = _Worker(actor, actor.open.remote())
            self._workers.append(idle)
        idle.job = job
        if idle.ready:
            self._send(idle)

    def collect(self) -> TrialResult | Lost:
        """Wait for a job to end, for its worker to die, or for a time limit."""
        while True:
            busy = {worker.waiting: worker for worker in self._workers if worker.job is not None}
            deadline = min(worker.deadline for worker in busy.values())
            patience_s = None if deadline == inf else max(0.0, deadline - time.monotonic())
            done, _ = ray.wait(list(busy), num_returns=1, timeout=patience_s)
            if done:
                outcome = self._outcome(busy[done[0]])
                if outcome is not None:
                    return outcome
                continue
            late = next((w for w in busy.values() if w.deadline <= time.monotonic()), None)
            if late is not None:
                return too_slow(self._end(late), self._time_limit_s)

    def close(self) -> None:
        """End all actors, and Ray if it was started here."""
        for worker in self._workers:
            ray.kill(worker.actor)
        self._workers = []
        if self._own:
            ray.shutdown()

    def _outcome(self, worker: _Worker) -> TrialResult | Lost | None:
        """Return the result that a finished call brings; None if its job continues."""
        try:
            answer = ray.get(worker.waiting)
        except RayActorError as error:
            first = str(error).strip().splitlines()[0]
            return Lost(self._end(worker), f"its worker was lost: {first}")
        if not worker.ready:
            if answer is not None:
                raise SweepError(f"a worker cannot start: {answer}")
            worker.ready = True
            self._send(worker)
            return None
        if isinstance(answer, str):
            raise DiskFullError(Path(answer))
        worker.job, worker.deadline = None, inf
        assert isinstance(answer, TrialResult)
        return answer

    def _send(self, worker: _Worker) -> None:
        worker.deadline = time.monotonic() + self._time_limit_s
        worker.waiting = worker.actor.run.remote(worker.job)

    def _end(self, worker: _Worker) -> Job:
        """Kill a busy worker and return its job."""
        self._workers.remove(worker)
        ray.kill(worker.actor)
        assert worker.job is not None
        return worker.job


def _connect(address: str | None) -> None:
    """Raises SweepError if there is no cluster at the address."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        _probe(address)
        ray.init(
            # None would join whatever cluster was started here last, by whomever.
            address=address or "local",
            include_dashboard=False if address is None else None,
            log_to_driver=False,
        )
    except (OSError, RayError, GetTimeoutError) as error:
        raise SweepError(
            f"no Ray cluster at `executor.address={address}`: {error}; for a cluster that asks for "
            "a token, copy ~/.ray/auth_token of its head here and set RAY_AUTH_MODE=token"
        ) from error


def _probe(address: str | None) -> None:
    """Raises OSError if HOST:PORT does not answer; Ray itself would try for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit() and "://" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_S).close()
