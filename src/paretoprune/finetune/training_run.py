"""Description of one training: data, duration, and additions to its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.groups.trainer import TrainerSettings
from paretoprune.errors import DataError, SettingsError
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.callbacks.regrow import Regrow
from paretoprune.finetune.callbacks.regularisation import Regularisation
from paretoprune.finetune.distillation import Teacher
from paretoprune.finetune.loader import Loader
from paretoprune.finetune.nested import Slice
from paretoprune.results import EpochRecord
from paretoprune.stopwatch import Stopwatch


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One training of a network, as `fit` carries it out.

    `epochs` overrides `settings.epochs`; a fractional number is divided into rounds of equal
    length, which then count as the epochs (see `Rounds`). With `seconds`, the training ends then,
    before `epochs` are complete, with its learning rate annealed.
    """

    train_loader: Loader  # batches, see `Loader`
    val_loader: Loader  # batches for the quality of each epoch
    settings: FinetuneSettings  # optimizer, learning-rate schedule, distillation and precision
    epochs: float
    seed: int  # of Python, NumPy and torch inside the training
    device: torch.device
    first_epoch: int = 1  # number of the first epoch in the curve
    seconds: float | None = None  # limit of the training; None: no limit
    # Evaluates the initial weights as well, as the epoch before the first.
    evaluate_start: bool = False
    teacher: Teacher | None = None  # the dense model, required for distillation
    # Applied after each step; only epochs that end with the full masks can be the best one.
    masks: MaskSchedule | Regrow | None = None
    regularisation: Regularisation | None = None  # added to each step
    # Smaller networks trained in the model's weights; the last epoch is kept then.
    nested: Sequence[Slice] = ()
    # Called after each epoch; an exception from it ends the training.
    on_epoch: Callable[[EpochRecord], None] | None = None
    # Called in every step between the backward pass and the optimizer step.
    on_gradients: Callable[[], None] | None = None
    # Attributes the seconds to "finetune", "validate" and "teacher"; its clock decides.
    watch: Stopwatch = field(default_factory=Stopwatch)
    # Lightning callbacks, built for each training, accumulated batches, clipping of gradients.
    trainer: TrainerSettings = field(default_factory=TrainerSettings)

    def check(self) -> None:
        """Raise DataError without batches, SettingsError for a distillation without a teacher."""
        if self.epochs and len(self.train_loader) == 0:
            raise DataError(
                "there is nothing to train on: the training data give no batch; "
                "choose a smaller `batch_size`"
            )
        if self.settings.distillation and self.teacher is None:
            raise SettingsError(
                ["`distillation` needs a dense model to learn from; set `distillation=0` here"]
            )
