"""Trials that were started and have no result: those that run, and those to be run again."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from paretoprune.executors.attempt import Lost, failed
from paretoprune.results import Job, TrialResult
from paretoprune.storage.sweep_folder import JobNote, SweepFolder
from paretoprune.sweep.lost_trials import find_lost
from paretoprune.sweep.results import is_twin

_log = logging.getLogger(__name__)


class PendingTrials:
    """Records each trial in the sweep's folder before it runs, with the number of attempts.

    A trial whose process died is run again, up to `retries` times.
    """

    def __init__(self, folder: SweepFolder, *, retries: int) -> None:
        self._folder, self._retries = folder, retries
        self.running: dict[int, Job] = {}
        self.again: dict[int, Job] = {}  # to be run before anything new
        self.used: set[int] = set()  # numbers of trials that cannot be used again
        self._notes: dict[int, JobNote] = {}

    def __contains__(self, number: int) -> bool:
        """Return True if the trial was started and has no result."""
        return number in self.running or number in self.again

    def restore(self, results: Sequence[TrialResult], study: Mapping[int, Job | None]) -> None:
        """Read the unfinished trials of earlier runs and those lost since.

        `study` are the trials that the sweep's study holds, as far as it knows their jobs.
        """
        finished = {result.number for result in results}
        notes = self._folder.read_notes()
        lost = find_lost(results, notes, study, self._folder.finished_numbers())
        self.used = lost.numbers
        self._notes = {**notes, **{job.number: JobNote(job, 0) for job in lost.jobs}}
        self.again = {n: note.job for n, note in self._notes.items() if n not in finished}
        for result in results:
            if result.number not in notes and self._folder.was_begun(result.number):
                self._folder.write_note(JobNote(result.job, attempts=1))  # it was damaged

    def begin(self, job: Job, parent: Job | None) -> None:
        """Record that a trial starts; `parent` is the job that it starts from."""
        note = JobNote(job, self._attempts(job.number) + 1, parent)
        self._notes[job.number] = note
        self.running[job.number] = (
            job  # set first, so that an interruption later on undoes the attempt
        )
        self._folder.write_note(note)

    def lose(self, lost: Lost) -> TrialResult | None:
        """Put back a trial whose process died; return its failure after the last attempt."""
        number = lost.job.number
        if lost.excused:
            self._excuse(number)
        job, attempts = self.running.pop(number), self._attempts(number)
        if attempts > self._retries:
            return failed(job, f"given up after {attempts} tries: {lost.cause}")
        _log.warning("trial %d is run again: %s", number, lost.cause)
        self.again[number] = job
        return None

    def give_up(self) -> list[TrialResult]:
        """Return failures of the trials that ended their process too often, a driver's included."""
        hopeless = [n for n in sorted(self.again) if self._attempts(n) > self._retries]
        return [
            failed(self.again.pop(n), f"the process ended {self._attempts(n)} times while it ran")
            for n in hopeless
        ]

    def drop_orphan(self, job: Job) -> None:
        """Drop a trial whose parent cannot be run again; its number is not reused."""
        _log.warning(
            "trial %d is dropped: trial %d, which it starts from, is gone, and nothing says what "
            "it was",
            job.number,
            job.parent,
        )
        self.again.pop(job.number, None)
        self.used.add(job.number)

    def excuse_running(self) -> None:
        """Undo the attempts of running trials: the driver was not ended by them."""
        with contextlib.suppress(OSError):  # the disk may be full; it is no matter
            for number in self.running:
                self._excuse(number)

    def _excuse(self, number: int) -> None:
        """Undo an attempt."""
        note = self._notes[number]
        self._notes[number] = replace(note, attempts=note.attempts - 1)
        self._folder.write_note(self._notes[number])

    def runs_twin_of(self, job: Job) -> bool:
        """Return True if the architecture is being trained, so that the job will be a duplicate."""
        return any(is_twin(other, job) for other in self.running.values())

    def num_waiting_twins(self) -> int:
        """Return the number of trials that wait for one of the same architecture to end."""
        return sum(self.runs_twin_of(job) for job in self.again.values())

    def parents(self) -> set[int]:
        """Return the parents of these trials."""
        return {job.parent for job in self.jobs() if job.parent is not None}

    def jobs(self) -> list[Job]:
        """Return all pending trials: those that run, then those that wait."""
        return [*self.running.values(), *self.again.values()]

    def waiting(self, number: int) -> Job | None:
        """Return the trial of this number if it waits to be run again."""
        return self.again.get(number)

    def take(self, number: int) -> Job:
        """Remove a waiting trial, which is run next, and return it."""
        return self.again.pop(number)

    def _attempts(self, number: int) -> int:
        note = self._notes.get(number)
        return note.attempts if note else 0
