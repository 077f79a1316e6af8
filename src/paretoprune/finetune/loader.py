"""Interface of data loaders: any iterable with a length that can be iterated repeatedly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from paretoprune.tasks.interface import Batch


class Loader(Protocol):
    """A torch `DataLoader`, a list of batches, or any object with a length that yields batches.

    `fit` iterates over it once per epoch. Batches are in the form of the task. Our own loaders
    yield them as `Keyed`, with a key (N,) of each sample and augmented view, by which `Teacher`
    caches outputs; the attribute `num_keys`, if there is one, is their number. An attribute
    `epoch`, if there is one, is restored when a training restarts.
    """

    def __len__(self) -> int:
        """Return the number of batches."""

    def __iter__(self) -> Iterator[Batch]:
        """Start a pass over the batches."""


class Rounds:
    """`epochs` passes over a loader, possibly fractional, as `num_rounds` rounds of equal length.

    1.5 epochs are two rounds of 0.75 passes; each round continues where the last one ended.
    """

    def __init__(self, loader: Loader, epochs: float) -> None:
        self.num_rounds = math.ceil(epochs - 1e-9)
        self._loader = loader
        self._length = max(1, round(epochs * len(loader) / self.num_rounds))
        self._rest: Iterator[Batch] = iter(())

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self._length):
            yield self._next()

    def _next(self) -> Batch:
        batch = next(self._rest, None)
        if batch is None:
            self._rest = iter(self._loader)
            batch = next(self._rest)
        return batch


class FirstBatches:
    """The first `num_batches` batches of a loader, in every pass."""

    def __init__(self, loader: Loader, num_batches: int) -> None:
        self._loader = loader
        self._num_batches = min(num_batches, len(loader))

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[Batch]:
        return islice(iter(self._loader), self._num_batches)
