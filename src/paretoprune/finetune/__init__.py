"""Training: the fit of a network, and what goes with pruning it."""

from __future__ import annotations

from paretoprune.finetune.batchnorm import recalibrate_batchnorm
from paretoprune.finetune.distill import Teacher
from paretoprune.finetune.fit import FitResult, fit
from paretoprune.finetune.loader import Beginning
from paretoprune.finetune.masks import MaskSchedule
from paretoprune.finetune.nested import Slice, num_at_once
from paretoprune.finetune.precision import uses_bfloat16
from paretoprune.finetune.pressure import Pressure
from paretoprune.finetune.range_test import NUM_VAGUE, losses_at
from paretoprune.finetune.regrow import Regrow
from paretoprune.finetune.schedule import Stage, stages, widths_between

__all__ = [
    "NUM_VAGUE",
    "Beginning",
    "FitResult",
    "MaskSchedule",
    "Pressure",
    "Regrow",
    "Slice",
    "Stage",
    "Teacher",
    "fit",
    "losses_at",
    "num_at_once",
    "recalibrate_batchnorm",
    "stages",
    "uses_bfloat16",
    "widths_between",
]
