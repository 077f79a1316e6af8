"""Training: the fit of a network, and what goes with pruning it."""

from __future__ import annotations

from paretoprune.finetune.batchnorm import recalibrate_batchnorm
from paretoprune.finetune.distill import Teacher
from paretoprune.finetune.fit import FitResult, fit
from paretoprune.finetune.loader import Beginning
from paretoprune.finetune.masks import MaskSchedule
from paretoprune.finetune.schedule import Stage, stages

__all__ = [
    "Beginning",
    "FitResult",
    "MaskSchedule",
    "Stage",
    "Teacher",
    "fit",
    "recalibrate_batchnorm",
    "stages",
]
