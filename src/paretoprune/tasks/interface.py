"""The interface of tasks: the inputs, the loss and the metrics of a batch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from paretoprune.metrics import Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.nest import floats, join, take, tensors_in

Batch: TypeAlias = Any  # as a loader yields it: tensors in any nest of tuples, lists and mappings
Outputs: TypeAlias = Any  # as a model returns them: any nest of tensors
# Methods of a data module, by the part of the data that they give.
LOADERS = {
    "train": "train_dataloader",
    "validation": "val_dataloader",
    "test": "test_dataloader",
}
Loaders: TypeAlias = Mapping[str, Iterable[Batch] | None]  # "train", "validation", "test"


class Meter(Protocol):
    """Qualities of a model on one part of the data, batch by batch.

    Made by `Task.meter` for each evaluation, on the device of the outputs. The result must not
    depend on how the samples are divided into batches.
    """

    def update(self, outputs: Outputs, batch: Batch) -> None:
        """Take in the outputs for a batch."""

    def compute(self) -> dict[str, float]:
        """Return the qualities by name, over all batches so far."""

    def per_sample(self) -> Tensor | None:
        """Return what the first quality is combined of, (N,), one value for each sample.

        `Task.from_scores` combines them, by default to their mean. A sample may be several rows of
        the data that belong together, such as those of a user. None: it is not made of such values.
        """


class Training(Protocol):
    """An optimizer and its learning-rate schedule, which a task brings along."""

    optimizer: Optimizer

    def step(self) -> None:
        """Take the step of the schedule after a batch."""

    def end_epoch(self, measured: Mapping[str, float]) -> None:
        """Take the step of the schedule after an epoch with these qualities on validation data."""


class Task(ABC):
    """The meaning of a batch: the model's inputs, the loss, the qualities.

    The `_target_` of `task` is a subclass; its fields are its options. It has no state and can be
    pickled, since each worker has its own copy. A subclass defines `qualities`, `inputs`,
    `loss_and_outputs` and `meter`; the other methods have defaults. Most tasks are an `OutputTask`,
    which needs the loss of given outputs alone.

    `inputs` and `loss_and_outputs` are called in every training step, `outputs` and a new `meter`
    once per evaluation, `distance` for distillation and the zero-cost proxy, `describe` once, when
    the data are loaded. A batch is what the loader yields, with its N samples along the first
    dimension of its tensors; `take` and `join` divide and concatenate other layouts. Batches that
    do not fit raise DataError in `describe`, before any training.
    """

    # names of the arguments that `fits` may offer to a model's class
    offers: tuple[str, ...] = ()
    # the function that turns the model's outputs into probabilities, "softmax" over dimension 1 or
    # "sigmoid", so that a model must not apply it; "" if there is none
    activation: ClassVar[str] = ""
    # the optimizer of `finetune.optimizer=auto`
    optimizer: ClassVar[str] = "sgd"
    # the largest peak rate of SGD from scratch; squared errors diverge at rates for cross-entropy
    largest_rate: ClassVar[float] = math.inf
    # True: the teacher's outputs are kept, which takes memory for each sample; False: computed
    # again
    caches_teacher: ClassVar[bool] = True
    # the batches of this task, in a few words, for the message that no task fits
    form: ClassVar[str] = ""

    @property
    @abstractmethod
    def qualities(self) -> tuple[Quantity, ...]:
        """The measured quantities; the first is the quality of the front."""

    @abstractmethod
    def inputs(self, batch: Batch) -> Inputs:
        """Return the arguments of the model for a batch."""

    @abstractmethod
    def loss_and_outputs(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Outputs]:
        """Return the loss and the outputs of one pass.

        The loss is a scalar, the mean over the batch, differentiable; outputs are in float32.
        """

    @abstractmethod
    def meter(self, device: torch.device) -> Meter:
        """Return a new meter of the qualities."""

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The user's functions that the task calls, if it is made of such."""
        return ()

    def for_model(self, build: Callable[[], nn.Module], loaders: Loaders) -> Task:
        """Return the task with what it takes from the model, which `build` gives, untrained.

        Called once, before all else.

        Raises:
            SettingsError: the model is not one of this task.
        """
        return self

    def measure(
        self,
        model: nn.Module,
        batches: Iterable[Batch],
        device: torch.device,
        *,
        bfloat16: bool = False,
    ) -> Meter:
        """Return the meter of a model in evaluation mode over batches, which lie on `device`.

        `batches` can be gone through repeatedly. With `bfloat16`, the model runs under autocast.
        """
        meter = self.meter(device)
        for batch in batches:
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                outputs = self.outputs(model, batch)
            meter.update(outputs, batch)
        return meter

    def training(self, model: nn.Module, *, num_steps: int, num_epochs: int) -> Training | None:
        """Return the optimizer and schedule that the model brings; None for those of `finetune`."""
        return None

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the loss, a scalar: the mean over the batch, differentiable."""
        return self.loss_and_outputs(model, batch)[0]

    def outputs(self, model: nn.Module, batch: Batch) -> Outputs:
        """Return the outputs for a batch, in float32, of a model in evaluation mode."""
        return floats(self.inputs(batch).run(model))

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return the distance of two models' outputs for a batch, for distillation and proxies.

        A scalar, at least 0, and 0 for equal outputs; differentiable in `student`. By default it is
        the mean squared error, relative to the teacher's mean square.
        """
        pairs = zip(tensors_in(student), tensors_in(teacher), strict=True)
        errors = [
            (own - wanted).square().mean() / wanted.square().mean().clamp_min(1e-12)
            for own, wanted in pairs
            if wanted.is_floating_point()
        ]
        return torch.stack(errors).mean()

    def valid(self, batch: Batch) -> Tensor | None:
        """Return a mask (N, positions) that is False at padding; None if all positions count."""
        return None

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the qualities on `validation` of the best predictor that ignores the inputs."""
        return None

    def recognises(self, batch: Batch) -> str | None:
        """Return why a batch is one of this task, in a few words, for `task=auto`; None if not."""
        return None

    def fitted(self, loaders: Loaders) -> Task:
        """Return the task with what it takes from the data, such as the scale of the targets.

        Called once, before all else.

        Raises:
            DataError: a batch is not one of this task.
        """
        return self

    def trivial_scores(self, train: Iterable[Batch], test: Iterable[Batch]) -> Tensor | None:
        """Return the trivial predictor's scores on `test`, as `Meter.per_sample` gives a model's.

        The order is the same. With None, the predictor's quality is taken to be the same for all
        samples.
        """
        return None

    def from_scores(self, scores: Tensor) -> Tensor:
        """Return the first quality, a scalar, from scores (N,) of samples: by default their mean.

        It holds for any of the samples, so that confidence intervals can be drawn from them.
        """
        return scores.mean()

    def describe(self, info: DataInfo, loaders: Loaders) -> DataInfo:
        """Check the data, and complete what is known of them.

        `info` has what the data module states, and the sizes of its parts.

        Raises:
            DataError: a batch is not one of this task.
        """
        return info

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Return the arguments that are offered to the model's class, by name."""
        return {}

    def check_outputs(self, outputs: Outputs, count: int, info: DataInfo) -> str | None:
        """Return what outputs for `count` samples must be, if they are something else."""
        return None

    def __repr__(self) -> str:
        """Name the class and its options, without an address: caches are keyed on it."""
        options = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__qualname__}({options})"

    def take(self, batch: Batch, index: slice | Tensor) -> Batch:
        """Return the samples of a batch at `index`."""
        count = len(self.inputs(batch))
        return take(batch, index, count, lambda values: _is_samples(values, count))

    def join(self, batches: Sequence[Batch]) -> Batch:
        """Return several batches as one; shorter tensors are padded with zeros at the end."""
        count = len(self.inputs(batches[0]))
        return join(batches, lambda values: _is_samples(values, count))


def _is_samples(values: list[Any], count: int) -> bool:
    """Return True for a list with one entry for each sample, rather than one for each argument."""
    if len(values) != count:
        return False
    tensors = list(tensors_in(values))
    return not all(tensor.dim() and len(tensor) == count for tensor in tensors) or not tensors
