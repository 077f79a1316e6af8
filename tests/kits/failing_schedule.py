"""A schedule whose every trial fails."""

from __future__ import annotations

from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Schedule, Start, Trained


class Fails(Schedule):
    """Raises for every candidate, and for the dense model."""

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Nothing is returned."""
        raise RuntimeError("this schedule always fails")
