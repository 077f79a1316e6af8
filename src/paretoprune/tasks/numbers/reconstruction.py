"""`task=reconstruction`: the inputs themselves, as of an autoencoder, or without their noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Batch
from paretoprune.tasks.numbers.number_task import NumberTask
from paretoprune.tasks.output_task import has_pairs


@dataclass(frozen=True, kw_only=True)
class Reconstruction(NumberTask):
    """Batches (x,), or (x, wanted) with another tensor to reconstruct, such as x without noise.

    Outputs have the shape of what is wanted. The trivial predictor answers with the mean training
    sample.
    """

    offers = ("input_shape", "in_channels")
    optimizer = "adamw"
    form = "reconstruction ((x,), or (x, x) with the same tensor twice)"
    names: ClassVar[tuple[str, ...]] = ("mse", "rmse", "mae", "loss")

    def has_form(self, batch: Batch) -> bool:
        """Return True for a tuple of one or two tensors."""
        alone = isinstance(batch, tuple | list) and len(batch) == 1
        return (alone and isinstance(batch[0], Tensor)) or has_pairs(batch)

    def inputs(self, batch: Batch) -> Inputs:
        """Return the first part of a batch."""
        return Inputs((batch[0],)) if len(batch) == 1 else super().inputs(batch)

    def targets(self, batch: Batch) -> Any:
        """Return the last part of a batch."""
        return batch[0] if len(batch) == 1 else super().targets(batch)

    def columns(self, targets: Tensor) -> Tensor:
        """Return all numbers as one column: a sample has one scale."""
        return targets.reshape(-1, 1)

    def recognises(self, batch: Batch) -> str | None:
        """Recognise a floating-point tensor alone, or equal to the targets."""
        if not self.has_form(batch):
            return None
        x, wanted = next(iter(self.inputs(batch))), self.targets(batch)
        same = isinstance(wanted, Tensor) and x.shape == wanted.shape and torch.equal(x, wanted)
        return "targets are the inputs" if same and x.is_floating_point() else None

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the shape of an input, and its first size as the channels."""
        shape = info.input_shape
        return {"input_shape": shape, "in_channels": shape[0]} if shape else {}

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the qualities of the mean training sample."""
        mean = self._mean(train)
        return None if mean is None else self.of_constants({"mean": mean}, validation)["mean"]

    def naive(self, train: Iterable[Batch], asked: Sequence[Batch]) -> Iterator[Tensor]:
        """Yield the mean training sample."""
        mean = self._mean(train)
        yield from (mean for _ in asked if mean is not None)

    def _mean(self, train: Iterable[Batch]) -> Tensor | None:
        total, count = torch.zeros(()).double(), 0
        for batch in train:
            targets = self.targets(batch).double()
            total, count = total + targets.sum(0), count + len(targets)
        return total / count if count else None
