"""Training curve and best weights."""

from __future__ import annotations

import math
from collections.abc import Callable

from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from paretoprune.errors import TrainingError
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.callbacks.regrow import Regrow
from paretoprune.finetune.evaluate import Validation
from paretoprune.finetune.module import FinetuneModule
from paretoprune.results import EpochRecord
from paretoprune.stopwatch import Clock


class BestWeights:
    """The weights with the highest validation accuracy so far; of equals, the latest.

    With `latest`, always the latest weights, for trainings with further purposes than the accuracy.
    """

    def __init__(self, *, latest: bool = False) -> None:
        self._latest = latest
        self.epoch: int | None = None
        self.accuracy: float | None = None
        self._state: dict[str, Tensor] = {}

    def offer(self, model: nn.Module, *, epoch: int, accuracy: float) -> None:
        """Store a copy of the weights if they are at least as good as the stored ones."""
        if self.accuracy is None or self._latest or accuracy >= self.accuracy:
            self.epoch, self.accuracy = epoch, accuracy
            self._state = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def restore(self, model: nn.Module) -> None:
        """Load the stored weights into `model`; without any, change nothing."""
        if self._state:
            model.load_state_dict(self._state)


class CurveKeeper(Callback):
    """Validates at the end of each epoch, and keeps the record and the best weights."""

    def __init__(
        self,
        validate: Callable[[], Validation],
        best: BestWeights,
        *,
        first_epoch: int,
        masks: MaskSchedule | Regrow | None,
        on_epoch: Callable[[EpochRecord], None] | None,
        clock: Clock,
    ) -> None:
        self.records: list[EpochRecord] = []
        self._validate = validate
        self._best = best
        self._first_epoch = first_epoch
        self._masks = masks
        self._on_epoch = on_epoch
        self._clock = clock
        self._start = 0.0
        self._steps = 0  # before the epoch

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FinetuneModule)
        self._start, self._steps = self._clock(), pl_module.progress.num_taken

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FinetuneModule)
        record = self._record(pl_module, epoch=self._first_epoch + trainer.current_epoch)
        self.records.append(record)
        if self._masks is None or self._masks.complete:
            self._best.offer(
                pl_module.model, epoch=record.epoch, accuracy=record.validation_accuracy
            )
        if self._on_epoch:
            self._on_epoch(record)

    def _record(self, module: FinetuneModule, *, epoch: int) -> EpochRecord:
        train_loss = module.meter.mean()
        validation = self._validate()
        if not math.isfinite(validation.loss):
            raise TrainingError(
                f"the training diverged: the validation loss is {validation.loss} after epoch "
                f"{epoch}; set a smaller `learning_rate`"
            )
        return EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            validation_accuracy=validation.accuracy,
            validation_loss=validation.loss,
            learning_rate=module.meter.learning_rate,
            seconds=self._clock() - self._start,
            parts=module.parts,
            steps=module.progress.num_taken - self._steps,
        )
