"""One-shot pruning: the whole plan before training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Schedule, Start, Trained
from paretoprune.trial.schedules.parts.stages import in_stages


@dataclass(frozen=True, kw_only=True)
class OneShot(Schedule):
    """Prune in one step, then fine-tune."""

    traits: ClassVar = ("prunes_once", "trains_before_pruning")

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Prune to the job's widths, then train."""
        return in_stages(context, job, start, steps=1)
