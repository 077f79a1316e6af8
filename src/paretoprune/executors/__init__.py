"""Where trials run. An executor takes jobs and hands back what finished, in any order."""

from __future__ import annotations

from typing import Protocol

from paretoprune.executors.inline import Inline
from paretoprune.results import Job, TrialResult

__all__ = ["Executor", "Inline"]


class Executor(Protocol):
    """What the sweep's loop needs of a place where trials run."""

    @property
    def slots(self) -> int:
        """How many jobs may be under way at once."""

    def submit(self, job: Job) -> None:
        """Take a job. At most `slots` are under way."""

    def collect(self) -> TrialResult:
        """Wait for a submitted job to finish. A job that raised comes back as a failed result."""
