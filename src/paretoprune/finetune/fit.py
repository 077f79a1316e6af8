"""Training of a network, dense or pruned: the main cost of every trial."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lightning import Callback
from lightning.pytorch.utilities.seed import isolate_rng
from torch import nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.groups.trainer import TrainerSettings
from paretoprune.config.instantiate import build
from paretoprune.errors import DataError, SettingsError
from paretoprune.finetune.callbacks.curve import BestWeights, CurveKeeper
from paretoprune.finetune.callbacks.masks import MaskSchedule
from paretoprune.finetune.callbacks.regrow import Regrow
from paretoprune.finetune.callbacks.regularisation import Regularisation
from paretoprune.finetune.distillation import Teacher
from paretoprune.finetune.evaluate import Validation, evaluate
from paretoprune.finetune.gradient_accumulation import accumulate_on_out_of_memory
from paretoprune.finetune.loader import Loader, Rounds
from paretoprune.finetune.module import FinetuneModule
from paretoprune.finetune.nested import Slice
from paretoprune.finetune.numerics.memory_format import channels_last
from paretoprune.finetune.numerics.precision import narrow_in_float32, uses_bfloat16
from paretoprune.finetune.trainer import run_trainer
from paretoprune.results import EpochRecord
from paretoprune.stopwatch import Stopwatch
from paretoprune.tasks.interface import Task


@dataclass(frozen=True)
class FitResult:
    """Result of `fit`; `best_...` is None if no weights were evaluated."""

    curve: tuple[EpochRecord, ...]
    best_epoch: int | None
    best_quality: float | None  # the task's first quality, on the validation data
    seconds: float  # on the stopwatch, by default wall time


def fit(
    model: nn.Module,
    task: Task,
    *,
    train_loader: Loader,
    val_loader: Loader,
    settings: FinetuneSettings,
    epochs: float,
    seed: int,
    device: torch.device,
    teacher: Teacher | None = None,
    masks: MaskSchedule | Regrow | None = None,
    pressure: Regularisation | None = None,
    nested: Sequence[Slice] = (),
    on_epoch: Callable[[EpochRecord], None] | None = None,
    on_gradients: Callable[[], None] | None = None,
    first_epoch: int = 1,
    evaluate_start: bool = False,
    seconds: float | None = None,
    watch: Stopwatch | None = None,
    trainer: TrainerSettings | None = None,
) -> FitResult:
    """Train `model` in place for `epochs` epochs, numbered from `first_epoch`.

    Called for the dense model, for every stage of a pruning schedule and for retraining. Afterwards
    the model is on `device`, in evaluation mode and without gradients, with the weights of the
    epoch with the best quality on the validation data (of equals the last). On out of memory, the
    training restarts with gradient accumulation over smaller micro-batches. On a CPU, the same seed
    and batches give bit-identical weights; the caller's random state is preserved.

    Args:
        task: what the batches mean.
        train_loader: batches, see `Loader`.
        val_loader: batches for the quality of each epoch.
        settings: optimizer, learning-rate schedule, distillation and precision.
        epochs: duration, overriding `settings.epochs`; a fractional number is divided into rounds
            of equal length, which then count as the epochs (see `Rounds`).
        seed: seed of Python, NumPy and torch inside the training.
        teacher: the dense model, required for distillation.
        masks: masks that are applied after each step; only epochs that end with the full masks can
            be the best one.
        pressure: regularisation added to each step.
        nested: smaller networks trained in the model's weights; the last epoch is kept then.
        on_epoch: called after each epoch; an exception from it ends the training.
        on_gradients: called in every step between the backward pass and the optimizer step.
        evaluate_start: evaluate the initial weights as well, as the epoch before the first.
        seconds: limit of the training: it ends then, before `epochs` are complete, with its
            learning rate annealed.
        trainer: Lightning callbacks, accumulated batches and the clipping of gradients; the
            callbacks are built for each training.
        watch: attributes the seconds to "finetune", "validate" and "teacher"; its clock decides.

    Raises:
        TrainingError: the loss became NaN or infinite.
        DataError: a loader has no batches.
        SettingsError: distillation without a teacher, or a precision that the device lacks.
    """
    watch, trainer = watch or Stopwatch(), trainer or TrainerSettings()
    start = watch.clock()
    _check(train_loader, settings, epochs, teacher)
    bfloat16 = uses_bfloat16(settings.precision, device)
    reset = _keep_start(model, train_loader)
    networks = nn.ModuleList([model, *(one.network for one in nested)])

    def validate() -> Validation:
        with watch.on("validate"):
            return evaluate(model, task, val_loader, device=device, bfloat16=bfloat16)

    def train(parts: int) -> tuple[CurveKeeper, BestWeights]:
        if parts > 1:
            reset()
        best = BestWeights(direction=task.qualities[0].direction, latest=bool(nested))
        guests: list[Callback] = [build(target) for target in trainer.callbacks.values()]
        keeper = CurveKeeper(
            validate,
            best,
            guests=guests,
            first_epoch=first_epoch,
            masks=masks,
            on_epoch=on_epoch,
            clock=watch.clock,
        )
        networks.to(device).train()
        with (
            isolate_rng(include_cuda=device.type == "cuda"),
            channels_last(networks, device),
            narrow_in_float32(networks),
        ):
            _seed(seed)
            if evaluate_start and masks is None:
                best.offer(model, epoch=first_epoch - 1, quality=validate().quality)
            if epochs:
                rounds = Rounds(train_loader, epochs)
                module = FinetuneModule(
                    model,
                    task,
                    settings,
                    num_steps=rounds.num_rounds
                    * math.ceil(len(rounds) / trainer.accumulate_grad_batches),
                    num_epochs=rounds.num_rounds,
                    bfloat16=bfloat16,
                    teacher=teacher,
                    pressure=pressure,
                    parts=parts,
                    nested=nested,
                    on_gradients=on_gradients,
                    seconds=None if seconds is None else seconds - (watch.clock() - start),
                    watch=watch,
                    trainer=trainer,
                )
                callbacks = [*([masks] if masks else []), keeper, *guests]
                run_trainer(
                    module, rounds, epochs=rounds.num_rounds, device=device, callbacks=callbacks
                )
        return keeper, best

    with watch.on("finetune"):
        keeper, best = accumulate_on_out_of_memory(train)
    best.restore(model.to(device).eval())
    model.zero_grad(set_to_none=True)  # gradients take as much memory as the weights
    return FitResult(
        curve=tuple(keeper.records),
        best_epoch=best.epoch,
        best_quality=best.quality,
        seconds=watch.clock() - start,
    )


def _keep_start(model: nn.Module, loader: Loader) -> Callable[[], None]:
    """Return a function that restores the current state of the model and the loader."""
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    epoch = getattr(loader, "epoch", None)  # our loaders count their passes

    def reset() -> None:
        model.zero_grad(set_to_none=True)
        model.load_state_dict(state)
        if epoch is not None:
            loader.epoch = epoch  # type: ignore[attr-defined]

    return reset


def _check(
    train_loader: Loader, settings: FinetuneSettings, epochs: float, teacher: Teacher | None
) -> None:
    if epochs and len(train_loader) == 0:
        raise DataError(
            "there is nothing to train on: the training data give no batch; "
            "choose a smaller `batch_size`"
        )
    if settings.distillation and teacher is None:
        raise SettingsError(
            ["`distillation` needs a dense model to learn from; set `distillation=0` here"]
        )


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
