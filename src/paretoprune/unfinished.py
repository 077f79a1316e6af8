"""The trials that were begun and have no result yet: those that run, and those to be run again."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from paretoprune.executors import Lost, failed
from paretoprune.lineage import job_of
from paretoprune.results import Job, TrialResult
from paretoprune.sweep_folder import SweepFolder
from paretoprune.sweep_results import is_twin

_log = logging.getLogger(__name__)


class Unfinished:
    """Each is noted in the sweep's folder before it runs, with how often that was tried.

    A trial whose process died is run again, up to `retries` times.
    """

    def __init__(self, folder: SweepFolder, *, retries: int) -> None:
        self._folder, self._retries = folder, retries
        self.running: dict[int, Job] = {}
        self.again: dict[int, Job] = {}  # to be run before anything new
        self._attempts: dict[int, int] = {}

    def __contains__(self, number: int) -> bool:
        """Whether the trial was begun and has no result."""
        return number in self.running or number in self.again

    def restore(self, results: Sequence[TrialResult]) -> None:
        """Take over what earlier runs began and did not finish."""
        finished = {result.number for result in results}
        begun = {job.number: (job, attempts) for job, attempts in self._folder.read_jobs()}
        for number in begun.keys() - finished:
            self.again[number], self._attempts[number] = begun[number]
        for result in results:
            if result.number not in begun and self._folder.was_begun(result.number):
                self._folder.write_job(job_of(result), attempts=1)  # it was damaged

    def begin(self, job: Job) -> None:
        """Note that a trial runs from now on."""
        self._attempts[job.number] = self._attempts.get(job.number, 0) + 1
        self.running[job.number] = job  # first: whoever interrupts what follows takes the try back
        self._folder.write_job(job, attempts=self._attempts[job.number])

    def lose(self, lost: Lost) -> TrialResult | None:
        """Take back a trial whose process died; its result where it was tried often enough."""
        number = lost.job.number
        job = self.running.pop(number)
        if self._attempts[number] > self._retries:
            return failed(job, f"given up after {self._attempts[number]} tries: {lost.cause}")
        _log.warning("trial %d is run again: %s", number, lost.cause)
        self.again[number] = job
        return None

    def give_up(self) -> list[TrialResult]:
        """The results of those that have ended their process too often, a driver's included."""
        hopeless = [n for n in sorted(self.again) if self._attempts.get(n, 0) > self._retries]
        return [
            failed(self.again.pop(n), f"the process ended {self._attempts[n]} times while it ran")
            for n in hopeless
        ]

    def excuse_running(self) -> None:
        """The driver ends in an orderly way: it was not the running trials that ended it."""
        with contextlib.suppress(OSError):  # the disk may be full; it is no matter
            for number, job in self.running.items():
                self._folder.write_job(job, attempts=self._attempts[number] - 1)

    def runs_twin_of(self, job: Job) -> bool:
        """Whether the architecture is being trained now: once that ends, the job is a duplicate."""
        return any(is_twin(other, job) for other in self.running.values())

    def parents(self) -> set[int]:
        """The trials that those here start from."""
        begun = [*self.running.values(), *self.again.values()]
        return {job.parent for job in begun if job.parent is not None}
