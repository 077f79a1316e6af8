"""What the sweep's loop needs of a place where trials run."""

from __future__ import annotations

from typing import Protocol

from paretoprune.executors.attempt import Lost
from paretoprune.results import Job, TrialResult


class Executor(Protocol):
    """Used by one thread. No worker waits for another: `collect` hands back what ends first."""

    @property
    def slots(self) -> int:
        """How many jobs may be under way at once."""

    def submit(self, job: Job) -> None:
        """Take a job. At most `slots` are under way."""

    def collect(self) -> TrialResult | Lost:
        """Wait for a submitted job to end.

        A job that raised, or took longer than the time limit, comes back as a failed result; one
        whose worker died as Lost, and may be submitted again. Raises DiskFullError where a job
        found no space, SweepError where workers cannot even start.
        """

    def close(self) -> None:
        """End all workers, whatever they do."""
