"""A schedule whose every trial fails."""

from __future__ import annotations

from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Schedule, Start, Trained


class Fails(Schedule):
    """Raises for every candidate; the dense model needs no schedule."""

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Return nothing."""
        raise RuntimeError("this schedule always fails")
