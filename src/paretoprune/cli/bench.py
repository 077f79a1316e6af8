"""What all picks of one command share: the sweep, its data, the dense model, what was ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from rich.console import Console
from torch import Tensor, nn

from paretoprune.cli.front import dense_metrics
from paretoprune.cli.pick import Order
from paretoprune.cli.tested import predict_test
from paretoprune.config import FinetuneSettings
from paretoprune.files import read_json
from paretoprune.measure import Predictions
from paretoprune.outline import Outline
from paretoprune.prepare import Prepared, prepare_around
from paretoprune.pruning.checkpoint import load_state
from paretoprune.results import Metrics, TrialResult
from paretoprune.sweep_folder import SweepFolder

_NUM_INPUTS = 64  # real ones, on which every exported file is compared with the model


@dataclass(frozen=True)
class Bench:
    """What all picks of one command share."""

    console: Console
    folder: SweepFolder
    task: Outline
    results: Sequence[TrialResult]
    order: Order

    @cached_property
    def dense(self) -> nn.Module:
        """The dense model with the weights that the sweep used."""
        load_state(self.task.model, self.folder.dense / "model.safetensors")
        return self.task.model.to(self.task.device).eval()

    @cached_property
    def dense_metrics(self) -> Metrics:
        """What was measured of it on the validation part."""
        return dense_metrics(self.results) or Metrics()

    @cached_property
    def dense_test(self) -> Predictions:
        """What it says of the test part."""
        return predict_test(self.task, self.dense)

    @cached_property
    def prepared(self) -> Prepared:
        """What the sweep's trials shared."""
        return prepare_around(self.task, self.dense, self.dense_metrics, self.finetune)

    @property
    def finetune(self) -> FinetuneSettings:
        """How the sweep's trials were trained."""
        if not self.folder.finetune.is_file():
            return self.task.settings.finetune
        return FinetuneSettings(**read_json(self.folder.finetune))

    @property
    def longer(self) -> FinetuneSettings | None:
        """How a model is trained further before its export; None: it is not."""
        order = self.order
        if not order.trains_longer:
            return None
        chosen = order.finetune or self.finetune
        if order.finetune and order.finetune.tune_learning_rate:
            chosen = replace(chosen, learning_rate=self.finetune.learning_rate)
        return replace(chosen, epochs=order.epochs or chosen.epochs)

    @cached_property
    def inputs(self) -> Tensor:
        """Real inputs, on the CPU."""
        batch = next(iter(self.task.data.val_dataloader()))
        inputs: Tensor = batch[0][:_NUM_INPUTS]
        return inputs.cpu().contiguous()

    def target(self, trial: TrialResult) -> Path:
        """Where an export goes."""
        longer = f"-{self.longer.epochs}-epochs" if self.longer else ""
        return self.folder.path / "picked" / f"{trial.number:04d}{longer}"
