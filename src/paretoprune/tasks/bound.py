"""A batch bound to its task: what scorers, compensation and proxies are given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Batch, Outputs, Task
from paretoprune.tasks.nest import map_tensors, on_device


@dataclass(frozen=True)
class TaskBatch:
    """A batch of the user's loader, and the task that knows what it means.

    It knows the number of its samples (`len`) and can be sliced.
    """

    task: Task
    batch: Batch  # as the loader yields it

    @property
    def inputs(self) -> Inputs:
        """The arguments of the model."""
        return self.task.inputs(self.batch)

    @property
    def valid(self) -> Tensor | None:
        """A mask (N, positions) that is False at padding; None if all positions count."""
        return self.task.valid(self.batch)

    def loss(self, model: nn.Module) -> Tensor:
        """Return the mean loss of the model over the samples, differentiable."""
        return self.task.loss(model, self.batch)

    def outputs(self, model: nn.Module) -> Outputs:
        """Return the outputs of a model in evaluation mode."""
        return self.task.outputs(model, self.batch)

    def distance(self, student: Outputs, teacher: Outputs) -> Tensor:
        """Return the distance of two models' outputs for this batch, a scalar."""
        return self.task.distance(student, teacher, self.batch)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.inputs)

    def __getitem__(self, index: slice | Tensor) -> TaskBatch:
        """Return some of the samples."""
        return TaskBatch(self.task, self.task.take(self.batch, index))

    def samples(self) -> Iterator[TaskBatch]:
        """Iterate over batches of one sample."""
        for number in range(len(self)):
            yield self[number : number + 1]

    def to(self, device: torch.device) -> TaskBatch:
        """Return the batch on a device."""
        return TaskBatch(self.task, on_device(self.batch, device))

    def contiguous(self) -> TaskBatch:
        """Return the batch in contiguous memory format."""
        return TaskBatch(self.task, map_tensors(self.batch, lambda one: one.contiguous()))

    @classmethod
    def joined(cls, parts: Sequence[TaskBatch]) -> TaskBatch:
        """Return several batches as one; shorter tensors are padded with zeros at the end."""
        task = parts[0].task
        return cls(task, task.join([part.batch for part in parts]))
