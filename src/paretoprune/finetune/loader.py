"""What a data loader has to be: any object with a length that can be iterated again and again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from torch import Tensor

Batch = Sequence[Tensor]  # (x, y) or (x, y, key)


class Loader(Protocol):
    """A torch `DataLoader`, a list of batches, or the like."""

    def __len__(self) -> int:
        """The number of batches."""

    def __iter__(self) -> Iterator[Batch]:
        """A pass over the batches."""


class Rounds:
    """`epochs` passes over a loader, whole or not, as `num_rounds` rounds of equal length.

    1.5 epochs are two rounds of three quarters of a pass; each goes on where the last one ended.
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
    """The first batches of a loader, each time it is gone through."""

    def __init__(self, loader: Loader, num_batches: int) -> None:
        self._loader = loader
        self._num_batches = min(num_batches, len(loader))

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[Batch]:
        return islice(iter(self._loader), self._num_batches)
