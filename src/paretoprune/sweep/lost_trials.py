"""Recorded trials whose folders are missing, found by references of other trials.

The sweep's study keeps each trial's job, and the note of a trial that of its parent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import Job, TrialResult
from paretoprune.storage.sweep_folder import JobNote

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lost:
    """Trials without a readable result and without a record of being run."""

    jobs: Sequence[Job]  # of those that can be run again
    numbers: set[int]  # of those of which nothing is known but that they were


def find_lost(
    results: Sequence[TrialResult],
    notes: Mapping[int, JobNote],
    study: Mapping[int, Job | None],
    finished: Iterable[int],
) -> Lost:
    """Return the trials that others refer to, without those with a result or a record.

    Args:
        results: those that can be read.
        notes: those that can be read, by number.
        study: the jobs in the sweep's study, by number; None where it does not keep one.
        finished: the numbers of all trials that have a file of results.
    """
    known = {result.number for result in results} | notes.keys()
    jobs = {note.parent.number: note.parent for note in notes.values() if note.parent}
    jobs |= {number: job for number, job in study.items() if job}
    to_see = {*study, *finished, *_named_by(results), *_named_by(n.job for n in notes.values())}
    found: dict[int, Job] = {}
    unknown: set[int] = set()
    while to_see := to_see - known - found.keys() - unknown:
        number = min(to_see)
        if job := jobs.get(number):
            found[number] = job
            to_see |= set(_named_by([job]))
        else:
            unknown.add(number)
    if found:
        numbers = ", ".join(map(str, sorted(found)))
        _log.warning("the results of trials %s are gone; they are run again", numbers)
    return Lost([found[number] for number in sorted(found)], unknown)


def _named_by(trials: Iterable[Job | TrialResult]) -> Iterator[int]:
    """Return the trials whose weights or results other trials use."""
    for trial in trials:
        named = (trial.parent, getattr(trial, "duplicate_of", None))
        yield from (number for number in named if number is not None)
