"""The data of a problem, and the task of its batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from lightning import LightningDataModule

from paretoprune.results import DataInfo
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import Inputs, unkeyed
from paretoprune.tasks.interface import Task


@dataclass(frozen=True)
class TaskData:
    """Data for one task on one device: loaders, their summary, and samples of the input."""

    module: LightningDataModule
    task: Task  # what the batches mean
    info: DataInfo
    example: Inputs  # 8 real validation inputs
    device: torch.device

    def train_dataloader(self) -> Any:
        """Return the loader of the training data."""
        return self.module.train_dataloader()

    def val_dataloader(self) -> Any:
        """Return the loader of the validation data."""
        return self.module.val_dataloader()

    def test_dataloader(self) -> Any:
        """Return the loader of the test data."""
        return self.module.test_dataloader()

    def training_batches(self, limit: int | None = None) -> Iterator[TaskBatch]:
        """Yield batches of the training data on the device; at most `limit`.

        Contiguous memory format: scorers take gradients of narrow layers, and some of oneDNN's are
        wrong in channels-last format (see `finetune/numerics/memory_format.py`).
        """
        for batch in islice(iter(self.train_dataloader()), limit):
            yield TaskBatch(self.task, unkeyed(batch)).to(self.device).contiguous()

    def first_samples(self, count: int) -> TaskBatch:
        """Return the first `count` training samples on the device, or all if there are fewer."""
        found: list[TaskBatch] = []
        for batch in self.training_batches():
            found.append(batch)
            if sum(map(len, found)) >= count:
                break
        return TaskBatch.joined(found)[:count]
