"""Training curve and best weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter

from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from paretoprune.errors import TrainingError
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.callbacks.regrow import Regrow
from paretoprune.finetune.evaluate import Validation
from paretoprune.finetune.module import FinetuneModule
from paretoprune.metrics import Direction
from paretoprune.results import EpochRecord
from paretoprune.retained import is_at_least


class BestWeights:
    """The weights with the best quality on the validation data so far; of equals, the latest.

    With `latest`, always the latest weights, for trainings with further purposes than the quality.
    """

    def __init__(self, *, direction: Direction = "maximize", latest: bool = False) -> None:
        self._direction, self._latest = direction, latest
        self.epoch: int | None = None
        self.quality: float | None = None
        self._state: dict[str, Tensor] = {}

    def offer(self, model: nn.Module, *, epoch: int, quality: float) -> None:
        """Store a copy of the weights if they are at least as good as the stored ones."""
        if (
            self.quality is None
            or self._latest
            or is_at_least(quality, self.quality, self._direction)
        ):
            self.epoch, self.quality = epoch, quality
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
    ) -> None:
        self.records: list[EpochRecord] = []
        self._validate = validate
        self._best = best
        self._first_epoch = first_epoch
        self._masks = masks
        self._on_epoch = on_epoch
        self._start = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FinetuneModule)
        record = self._record(pl_module, epoch=self._first_epoch + trainer.current_epoch)
        self.records.append(record)
        if self._masks is None or self._masks.complete:
            self._best.offer(pl_module.model, epoch=record.epoch, quality=record.quality)
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
            quality=validation.quality,
            validation_loss=validation.loss,
            learning_rate=module.meter.learning_rate,
            seconds=perf_counter() - self._start,
            parts=module.parts,
        )
