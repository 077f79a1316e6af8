"""One attempt at a job, the same in every executor: its result, or a failed result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from paretoprune.config.own.code import with_place
from paretoprune.errors import DiskFullError
from paretoprune.results import Job, Metrics, TrialResult

Evaluate = Callable[[Job], TrialResult]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lost:
    """A job without a result, because its process or machine ended."""

    job: Job
    cause: str
    excused: bool = False  # ended by the cluster, such as by preemption: it is no attempt


def attempt(evaluate: Evaluate, job: Job) -> TrialResult:
    """Run a job. Exceptions become failed results, except KeyboardInterrupt and DiskFullError."""
    try:
        return evaluate(job)
    except DiskFullError:
        raise
    except Exception as error:
        _log.exception("trial %d failed", job.number)
        return failed(job, with_place(error))


def failed(job: Job, reason: str) -> TrialResult:
    """Return the result of a job that failed for this reason."""
    return TrialResult(
        number=job.number,
        state="failed",
        origin=job.origin,
        ratios=job.ratios,
        widths=job.widths,
        metrics=Metrics(),
        seed=job.seed,
        parent=job.parent,
        asked_epochs=job.epochs,
        rung=job.rung,
        nested=job.nested,
        reason=reason,
    )


def too_slow(job: Job, time_limit_s: float) -> TrialResult:
    """Return the result of a job that was ended at the time limit."""
    return failed(job, f"it took longer than `executor.time_limit={time_limit_s:g}` seconds")
