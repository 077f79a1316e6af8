"""Trials in this process, one after another."""

from __future__ import annotations

import logging
from collections.abc import Callable

from paretoprune.results import Job, Metrics, TrialResult

_log = logging.getLogger(__name__)


class Inline:
    """Runs a job when its result is collected."""

    slots = 1

    def __init__(self, evaluate: Callable[[Job], TrialResult]) -> None:
        self._evaluate = evaluate
        self._jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        """Keep the job until `collect`."""
        self._jobs.append(job)

    def collect(self) -> TrialResult:
        """Run the oldest job. An exception becomes a failed result; an interrupt gets through."""
        job = self._jobs.pop(0)
        try:
            return self._evaluate(job)
        except Exception as error:
            _log.exception("trial %d failed", job.number)
            return failed(job, error)


def failed(job: Job, error: Exception) -> TrialResult:
    """The record of a job that raised."""
    return TrialResult(
        number=job.number,
        state="failed",
        origin=job.origin,
        ratios=job.ratios,
        widths=job.widths,
        metrics=Metrics(),
        seed=job.seed,
        parent=job.parent,
        reason=f"{type(error).__name__}: {error}",
    )
