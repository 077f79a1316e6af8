"""`task=regression`: one or several numbers for each sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from paretoprune.results import DataInfo
from paretoprune.tasks.interface import Batch
from paretoprune.tasks.numbers.number_task import NumberTask
from paretoprune.tasks.output_task import has_pairs


@dataclass(frozen=True, kw_only=True)
class Regression(NumberTask):
    """Batches (inputs, targets) with floating-point targets (N,) or (N, K), and such outputs.

    R2 is the mean over the K targets. The trivial predictor answers with the mean of the training
    targets, and for the mean absolute error with their median.
    """

    offers = ("num_outputs", "num_classes", "in_channels")
    form = "regression (targets floating-point of shape (N,) or (N, K))"

    def recognises(self, batch: Batch) -> str | None:
        """Recognise floating-point targets (N,) or (N, K)."""
        targets = self.targets(batch) if has_pairs(batch) else None
        if isinstance(targets, Tensor) and targets.is_floating_point() and targets.ndim in (1, 2):
            return f"targets are {_short(targets)} of {tuple(targets.shape)}"
        return None

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the number of outputs, and the channels of an image or the columns of a table.

        `num_classes` is the number of outputs too, so that networks for images can be taken.
        """
        outputs = (self.shape or (1,))[-1] if self.shape else 1
        channels = {"in_channels": info.input_shape[0]} if info.input_shape else {}
        return {"num_outputs": outputs, "num_classes": outputs, **channels}

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the qualities of the mean, and those of absolute errors of the median."""
        constants = self._constants(train)
        if not constants:
            return None
        found = self.of_constants(constants, validation)
        absolute = {"mae"} | ({"loss"} if self.criterion == "mae" else set())
        return {
            name: found["median" if name in absolute else "mean"][name] for name in found["mean"]
        }

    def naive(self, train: Iterable[Batch], asked: Sequence[Batch]) -> Iterator[Tensor]:
        """Yield the mean of the training targets, for the mean absolute error their median."""
        constants = self._constants(train)
        name = "median" if self.qualities[0].name == "mae" else "mean"
        yield from (constants[name] for _ in asked if constants)

    def _constants(self, train: Iterable[Batch]) -> dict[str, Tensor]:
        known = [self.targets(batch).cpu().double() for batch in train]
        if not known:
            return {}
        targets = torch.cat(known)
        return {"mean": targets.mean(0), "median": targets.quantile(0.5, dim=0)}


def _short(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
