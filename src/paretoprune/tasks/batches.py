"""Batches of a loader as a task measures them: without keys, on a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch

from paretoprune.errors import DataError
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch
from paretoprune.tasks.nest import on_device


@dataclass(frozen=True)
class DeviceBatches:
    """The batches of a loader on a device, in every pass over them."""

    loader: Iterable[Batch]
    device: torch.device
    missing: str  # the message of the DataError for a loader without batches
    change: Callable[[Batch], Batch] | None = None  # of each batch, such as its memory format

    def __iter__(self) -> Iterator[Batch]:
        batch = None
        for batch in self.loader:
            moved = on_device(unkeyed(batch), self.device, non_blocking=True)
            yield self.change(moved) if self.change else moved
        if batch is None:
            raise DataError(self.missing)

    def __len__(self) -> int:
        """Number of batches, if the loader has a length."""
        return len(self.loader)  # type: ignore[arg-type]
