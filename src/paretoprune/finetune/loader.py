"""What a data loader has to be: any object with a length that can be iterated again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from torch import Tensor

Batch = Sequence[Tensor]  # (x, y) or (x, y, key)


class Loader(Protocol):
    """A torch `DataLoader`, a list of batches, or the like."""

    def __len__(self) -> int:
        """The number of batches."""

    def __iter__(self) -> Iterator[Batch]:
        """A pass over the batches."""
