"""Batches of a classifier, as scorers and compensation are given them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification

CLASSES = Classification()


def bound(batches: Iterable[Sequence[Tensor]]) -> list[TaskBatch]:
    """Return batches (x, y) bound to classification."""
    return [TaskBatch(CLASSES, tuple(parts)) for parts in batches]
