"""Iterative pruning: a share of the plan, training, new scores, and the next share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from paretoprune.config.values import Several
from paretoprune.finetune.pruning_steps import Spacing
from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.interface import Schedule, Start, Trained
from paretoprune.trial.schedules.parts.stages import in_stages


@dataclass(frozen=True, kw_only=True)
class Iterative(Schedule):
    """Prune in several steps with an equal share of the epochs after each.

    Han et al. 2015 (Learning both Weights and Connections for Efficient Neural Networks,
    section 3).
    """

    traits: ClassVar = ("trains_before_pruning",)
    steps: Several = 3
    spacing: Spacing = "linear"  # equal numbers per step; geometric: equal shares of what is left

    def __call__(self, context: TrialContext, job: Job, start: Start, /) -> Trained:
        """Prune and train `steps` times; the last step prunes to the job's widths."""
        return in_stages(context, job, start, steps=self.steps, spacing=self.spacing)
