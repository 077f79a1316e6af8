"""Training of a network, dense or pruned: the main cost of every trial."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from lightning import Callback
from lightning.pytorch.utilities.seed import isolate_rng
from torch import nn

from paretoprune.config.instantiate import build
from paretoprune.finetune.callbacks.curve import BestWeights, CurveKeeper
from paretoprune.finetune.evaluate import Validation, evaluate
from paretoprune.finetune.gradient_accumulation import accumulate_on_out_of_memory
from paretoprune.finetune.loader import Loader, Rounds
from paretoprune.finetune.module import FinetuneModule
from paretoprune.finetune.numerics.memory_format import channels_last
from paretoprune.finetune.numerics.precision import narrow_in_float32, uses_bfloat16
from paretoprune.finetune.trainer import run_trainer
from paretoprune.finetune.training_run import TrainingRun
from paretoprune.results import EpochRecord
from paretoprune.tasks.interface import Task


@dataclass(frozen=True)
class FitResult:
    """Result of `fit`; `best_...` is None if no weights were evaluated."""

    curve: tuple[EpochRecord, ...]
    best_epoch: int | None
    best_quality: float | None  # the task's first quality, on the validation data
    seconds: float  # on the stopwatch, by default wall time


def fit(model: nn.Module, task: Task, run: TrainingRun) -> FitResult:
    """Train `model` in place on the batches of `task`, as `run` describes.

    Called for the dense model, for every stage of a pruning schedule and for retraining. Afterwards
    the model is on `run.device`, in evaluation mode and without gradients, with the weights of the
    epoch with the best quality on the validation data (of equals the last). On out of memory, the
    training restarts with gradient accumulation over smaller micro-batches. On a CPU, the same seed
    and batches give bit-identical weights; the caller's random state is preserved.

    Raises:
        TrainingError: the loss became NaN or infinite.
        DataError: a loader has no batches.
        SettingsError: distillation without a teacher, or a precision that the device lacks.
    """
    start = run.watch.clock()
    run.check()
    bfloat16 = uses_bfloat16(run.settings.precision, run.device)
    reset = _keep_start(model, run.train_loader)

    def train(parts: int) -> tuple[CurveKeeper, BestWeights]:
        if parts > 1:
            reset()
        return _train(model, task, run, parts=parts, bfloat16=bfloat16, start=start)

    with run.watch.on("finetune"):
        keeper, best = accumulate_on_out_of_memory(train)
    best.restore(model.to(run.device).eval())
    model.zero_grad(set_to_none=True)  # gradients take as much memory as the weights
    return FitResult(
        curve=tuple(keeper.records),
        best_epoch=best.epoch,
        best_quality=best.quality,
        seconds=run.watch.clock() - start,
    )


def _train(
    model: nn.Module, task: Task, run: TrainingRun, *, parts: int, bfloat16: bool, start: float
) -> tuple[CurveKeeper, BestWeights]:
    """Train with `parts` micro-batches per batch; `start` is the time at which `fit` began."""
    validate = _validation(model, task, run, bfloat16=bfloat16)
    best = BestWeights(direction=task.qualities[0].direction, latest=bool(run.nested))
    guests: list[Callback] = [build(target) for target in run.trainer.callbacks.values()]
    keeper = CurveKeeper(
        validate,
        best,
        guests=guests,
        first_epoch=run.first_epoch,
        masks=run.masks,
        on_epoch=run.on_epoch,
        clock=run.watch.clock,
    )
    networks = nn.ModuleList([model, *(one.network for one in run.nested)])
    networks.to(run.device).train()
    with (
        isolate_rng(include_cuda=run.device.type == "cuda"),
        channels_last(networks, run.device),
        narrow_in_float32(networks),
    ):
        _seed(run.seed)
        if run.evaluate_start and run.masks is None:
            best.offer(model, epoch=run.first_epoch - 1, quality=validate().quality)
        if run.epochs:
            rounds = Rounds(run.train_loader, run.epochs)
            module = _module(model, task, run, rounds, parts=parts, bfloat16=bfloat16, start=start)
            callbacks = [*([run.masks] if run.masks else []), keeper, *guests]
            run_trainer(
                module, rounds, epochs=rounds.num_rounds, device=run.device, callbacks=callbacks
            )
    return keeper, best


def _validation(
    model: nn.Module, task: Task, run: TrainingRun, *, bfloat16: bool
) -> Callable[[], Validation]:
    """Return a function that evaluates the model on the validation batches."""

    def validate() -> Validation:
        with run.watch.on("validate"):
            return evaluate(model, task, run.val_loader, device=run.device, bfloat16=bfloat16)

    return validate


def _module(
    model: nn.Module,
    task: Task,
    run: TrainingRun,
    rounds: Rounds,
    *,
    parts: int,
    bfloat16: bool,
    start: float,
) -> FinetuneModule:
    """Return the module whose steps Lightning runs, with the rest of the time limit."""
    steps_per_round = math.ceil(len(rounds) / run.trainer.accumulate_grad_batches)
    return FinetuneModule(
        model,
        task,
        run.settings,
        num_steps=rounds.num_rounds * steps_per_round,
        num_epochs=rounds.num_rounds,
        bfloat16=bfloat16,
        teacher=run.teacher,
        regularisation=run.regularisation,
        parts=parts,
        nested=run.nested,
        on_gradients=run.on_gradients,
        seconds=None if run.seconds is None else run.seconds - (run.watch.clock() - start),
        watch=run.watch,
        trainer=run.trainer,
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


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
