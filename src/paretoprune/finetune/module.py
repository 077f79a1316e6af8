"""LightningModule with one training step."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from lightning import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import Optimizer

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.groups.trainer import TrainerSettings
from paretoprune.errors import TrainingError
from paretoprune.finetune.callbacks.regularisation import Regularisation
from paretoprune.finetune.distillation import Teacher
from paretoprune.finetune.nested import Slice, drawn
from paretoprune.finetune.numerics.memory_format import as_channels_last
from paretoprune.finetune.optimizer import make_optimizer, make_schedule
from paretoprune.finetune.progress import Progress
from paretoprune.stopwatch import Stopwatch
from paretoprune.tasks.inputs import Keyed, key_of, unkeyed
from paretoprune.tasks.interface import Batch, Outputs, Task


class FinetuneModule(LightningModule):
    """Trains `model` on batches of a task for `num_steps` steps.

    It steps the optimizer itself (Lightning's manual optimization): a network on small images takes
    a few milliseconds per step, so that the overhead of hooks would matter.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        settings: FinetuneSettings,
        *,
        num_steps: int,
        num_epochs: int = 1,
        bfloat16: bool,
        teacher: Teacher | None,
        regularisation: Regularisation | None = None,
        parts: int = 1,
        nested: Sequence[Slice] = (),
        on_gradients: Callable[[], None] | None = None,
        seconds: float | None = None,
        watch: Stopwatch | None = None,
        trainer: TrainerSettings | None = None,
    ) -> None:
        """Set up the optimizer and its schedule, those of the task if it has its own.

        `parts` is the number of micro-batches for gradient accumulation; `nested` are smaller
        networks in the model's weights, some of which are trained in each step. After `seconds` on
        the clock of `watch` the training ends, wherever it is, with its schedule complete.
        `num_steps` are steps of the optimizer, each after the batches that `trainer` accumulates.
        """
        super().__init__()
        self.automatic_optimization = False
        self.model = model
        self.num_steps = num_steps
        self.num_batches = 0  # trained on
        self.meter = LossMeter()
        self._trainer_settings = trainer or TrainerSettings()
        self._task = task
        self._settings = settings
        self._bfloat16 = bfloat16
        self._teacher = teacher
        self._regularisation = regularisation
        self._nested = nested
        self._watch = watch or Stopwatch()
        self.progress = Progress(num_steps, seconds, self._watch.clock)
        self.parts = parts
        self._on_gradients = on_gradients  # called between the backward pass and the step
        self._set_up_optimizer(num_epochs)

    def _set_up_optimizer(self, num_epochs: int) -> None:
        """Take the optimizer and schedule of the task, or those of the settings."""
        self._own = self._task.training(self.model, num_steps=self.num_steps, num_epochs=num_epochs)
        if self._own:
            self._optimizer = self._own.optimizer
        else:
            usual = self._task.optimizer
            self._optimizer = make_optimizer(self.model, self._settings, usual=usual)
        self._schedule = self._own or make_schedule(
            self._optimizer, self._settings, num_steps=self.num_steps
        )

    def configure_optimizers(self) -> Optimizer:
        return self._optimizer

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        if self.trainer.received_sigterm:  # Lightning itself stops only after the epoch
            raise SystemExit(128 + signal.SIGTERM)
        window = self._window(batch_idx)
        if window.is_first:
            self._optimizer.zero_grad()
        if self._regularisation is None:
            self._backward(batch, window)
        else:
            progress = self.progress.share
            with self._regularisation.on(self.model, progress=progress, penalised=window.is_last):
                self._backward(batch, window)
        self.num_batches += 1
        if not window.is_last:
            return
        self._clip()
        self._step()
        for _ in range(self.progress.advance()):
            self._schedule.step()
        if self.progress.done:
            self.trainer.should_stop = True

    def end_epoch(self, measured: Mapping[str, float]) -> None:
        """Take the schedule's step after an epoch with these qualities on the validation data."""
        if self._own:
            self._own.end_epoch(measured)

    def step_at(self, rate: float, batch: Batch) -> float:
        """Take one step at a learning rate outside the schedule; return the loss before it."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad()
        loss = self._loss(batch)
        torch.autograd.backward(loss)
        self._optimizer.step()
        return loss.item()

    def _window(self, batch_idx: int) -> Window:
        """Return the place of a batch in its step; the last step of an epoch may have fewer."""
        most = self._trainer_settings.accumulate_grad_batches
        first = batch_idx - batch_idx % most
        length = min(most, int(self.trainer.num_training_batches) - first)
        return Window(batch_idx == first, batch_idx == first + length - 1, length)

    def _clip(self) -> None:
        limit = self._trainer_settings.gradient_clip_val
        if limit is None:
            return
        if self._trainer_settings.gradient_clip_algorithm == "norm":
            clip_grad_norm_(self.model.parameters(), limit)
        else:
            clip_grad_value_(self.model.parameters(), limit)

    def _step(self) -> None:
        """Step the optimizer; through Lightning if callbacks are to see it, which takes longer."""
        if not self._trainer_settings.callbacks:
            self._optimizer.step()
            return
        optimizer = self.optimizers()
        assert isinstance(optimizer, LightningOptimizer)
        optimizer.step()

    def _backward(self, batch: Batch, window: Window) -> None:
        if self._on_gradients is None:
            self._accumulate(batch, window.length)
            return
        with unfrozen(self.model):
            self._accumulate(batch, window.length)
            if window.is_last:
                self._on_gradients()

    def _accumulate(self, batch: Batch, length: int) -> None:
        inputs = self._task.inputs(unkeyed(batch))
        if self.parts == 1:
            total = self._loss(batch)
            torch.autograd.backward(total / length if length > 1 else total)
        else:
            total = torch.zeros((), device=inputs.device)
            for part, count in split_batch(self._task, batch, self.parts):
                loss = self._loss(part) * (count / len(inputs))
                torch.autograd.backward(loss / length if length > 1 else loss)
                total += loss.detach()
        self.meter.add(total.detach(), count=len(inputs), learning_rate=self.learning_rate)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step."""
        return float(self._optimizer.param_groups[0]["lr"])

    def _loss(self, batch: Batch) -> Tensor:
        """Return the mean loss of all networks of this step, including the model."""
        key, batch = key_of(batch), as_channels_last(unkeyed(batch))
        answers = [self._answer(self.model, batch)]
        answers += [self._answer(one.within(self.model), batch) for one in drawn(self._nested)]
        weight, losses = self._settings.distillation, [loss for loss, _ in answers]
        if self._teacher is not None and weight > 0:
            with self._watch.on("teacher"):
                wanted = self._teacher.outputs(batch, key)
            losses = [
                (1 - weight) * loss + weight * self._distance(outputs, wanted, batch)
                for loss, outputs in answers
            ]
        return torch.stack(losses).mean()

    def _answer(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Outputs]:
        device = self._task.inputs(batch).device
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16):
            if self._teacher is None:
                return self._task.loss(model, batch), None
            return self._task.loss_and_outputs(model, batch)

    def _distance(self, outputs: Outputs, wanted: Outputs, batch: Batch) -> Tensor:
        temperature = self._settings.temperature
        return self._task.distance(outputs, wanted, batch, temperature=temperature)


@dataclass(frozen=True)
class Window:
    """The place of a batch among the `length` batches whose gradients make one step."""

    is_first: bool
    is_last: bool
    length: int


@contextmanager
def unfrozen(model: nn.Module) -> Iterator[None]:
    """Inside, frozen parameters get gradients as well; afterwards they are frozen again."""
    frozen = [p for p in model.parameters() if p.is_floating_point() and not p.requires_grad]
    try:
        for parameter in frozen:
            parameter.requires_grad_(True)
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
            parameter.grad = None


def split_batch(task: Task, batch: Batch, parts: int) -> list[tuple[Batch, int]]:
    """Split the batch into nearly equal micro-batches of two samples or more, with their sizes."""
    key, whole = key_of(batch), unkeyed(batch)
    count = len(task.inputs(whole))
    pieces = torch.arange(count).tensor_split(max(1, min(parts, count // 2)))
    found = []
    for piece in pieces:
        chosen = slice(int(piece[0]), int(piece[-1]) + 1)
        part = task.take(whole, chosen)
        found.append((part if key is None else Keyed(part, key[chosen]), len(piece)))
    return found


class LossMeter:
    """Mean training loss of an epoch; raises if the loss becomes NaN or infinite."""

    def __init__(self) -> None:
        self.learning_rate = 0.0  # of the last step
        self._sum: Tensor | None = None
        self._count = 0
        self._step = 0  # over all epochs

    def add(self, loss: Tensor, *, count: int, learning_rate: float) -> None:
        """Add the mean `loss` of a batch of `count` samples, computed at `learning_rate`.

        Raises:
            TrainingError: the loss is NaN or infinite.
        """
        self._step += 1
        self.learning_rate = learning_rate
        self._count += count
        self._sum = loss * count if self._sum is None else self._sum + loss * count
        # Reading a value synchronises with a GPU, hence only every 50 steps there.
        if loss.device.type == "cpu" or self._step % 50 == 0:
            self._check(self._sum)

    def mean(self) -> float:
        """Return the mean over the samples since the last call."""
        assert self._sum is not None
        self._check(self._sum)
        mean = self._sum.item() / self._count
        self._sum, self._count = None, 0
        return mean

    def _check(self, total: Tensor) -> None:
        if not math.isfinite(total.item()):
            raise TrainingError(
                f"the training diverged: the loss was NaN or infinite at step {self._step} "
                f"(learning rate {self.learning_rate:.3g}); set a smaller `learning_rate`"
            )
