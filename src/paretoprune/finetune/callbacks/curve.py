"""Training curve and best weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

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
from paretoprune.stopwatch import Clock


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
        guests: Sequence[Callback] = (),
        first_epoch: int,
        masks: MaskSchedule | Regrow | None,
        on_epoch: Callable[[EpochRecord], None] | None,
        clock: Clock,
    ) -> None:
        """`guests` are callbacks of the user's, which may put other weights in for a validation."""
        self.records: list[EpochRecord] = []
        self._guests = guests
        self._validate = validate
        self._best = best
        self._first_epoch = first_epoch
        self._masks = masks
        self._on_epoch = on_epoch
        self._clock = clock
        self._start = 0.0
        self._batches = 0  # before the epoch

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FinetuneModule)
        self._start, self._batches = self._clock(), pl_module.num_batches

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FinetuneModule)
        with self._validating(trainer, pl_module):
            record = self._record(pl_module, epoch=self._first_epoch + trainer.current_epoch)
            self.records.append(record)
            if self._masks is None or self._masks.complete:
                self._best.offer(pl_module.model, epoch=record.epoch, quality=record.quality)
        if self._on_epoch:
            self._on_epoch(record)

    @contextmanager
    def _validating(self, trainer: Trainer, module: FinetuneModule) -> Iterator[None]:
        """Call the hooks of a validation, which Lightning's Trainer does not run here itself."""
        if not self._guests:
            yield
            return
        for guest in self._guests:
            guest.on_validation_start(trainer, module)
            guest.on_validation_epoch_start(trainer, module)
        if self._masks is not None:  # averaged weights have values where the masks have none
            self._masks.apply(module.model)
        yield
        for guest in self._guests:
            guest.on_validation_epoch_end(trainer, module)
            guest.on_validation_end(trainer, module)

    def _log(self, module: FinetuneModule, train_loss: float, validation: Validation) -> None:
        """Make the epoch's values known to the callbacks of the user's, by these names."""
        if self._guests:
            module.log("train_loss", train_loss)
            for name, value in {**validation.measured, "loss": validation.loss}.items():
                module.log(f"validation_{name}", value)

    def _record(self, module: FinetuneModule, *, epoch: int) -> EpochRecord:
        train_loss = module.meter.mean()
        validation = self._validate()
        if not math.isfinite(validation.loss):
            raise TrainingError(
                f"the training diverged: the validation loss is {validation.loss} after epoch "
                f"{epoch}; set a smaller `learning_rate`"
            )
        learning_rate = module.meter.learning_rate
        self._log(module, train_loss, validation)
        module.end_epoch(validation.measured)
        return EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            quality=validation.quality,
            validation_loss=validation.loss,
            learning_rate=learning_rate,
            seconds=self._clock() - self._start,
            parts=module.parts,
            steps=module.num_batches - self._batches,
        )
