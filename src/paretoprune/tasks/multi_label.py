"""`task=multi_label`: several labels for each sample, each there or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from paretoprune.errors import DataError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Outputs
from paretoprune.tasks.output_task import OutputTask, described, has_pairs

_NAMES = ("f1_macro", "f1_micro", "mean_average_precision", "loss")


@dataclass(frozen=True, kw_only=True)
class MultiLabel(OutputTask):
    """Batches (inputs, labels) with labels (N, K) that are 0 or 1, and logits (N, K) as outputs.

    A label is predicted where its logit is above 0, a probability above one half. The mean average
    precision is the mean over the labels that occur.
    """

    num_labels: int | None = None  # from the data

    offers = ("num_outputs", "num_classes", "in_channels")
    activation = "sigmoid"
    form = "multi_label (labels floating-point 0 or 1 of shape (N, K))"

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """F1, mean average precision, and the loss."""
        return tuple(QUANTITIES[name] for name in _NAMES)

    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the binary cross-entropy of each sample in nats, the mean over its labels."""
        found = binary_cross_entropy_with_logits(outputs, targets.to(outputs), reduction="none")
        each: Tensor = found.mean(1)
        return each

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return T^2 * KL(teacher || student) in nats of a label, a Bernoulli variable, at
        temperature T; the mean over samples and labels."""
        own, wanted = student / temperature, teacher / temperature
        there, absent = wanted.sigmoid(), (-wanted).sigmoid()
        divergence = there * (logsigmoid(wanted) - logsigmoid(own))
        divergence = divergence + absent * (logsigmoid(-wanted) - logsigmoid(-own))
        # Rounding may leave equal outputs a little below 0.
        found: Tensor = temperature**2 * divergence.mean().clamp_min(0.0)
        return found

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        """Return the metrics for as many labels as the outputs have."""
        # Imported here, since it takes seconds that other processes need not spend.
        from torchmetrics import classification as kinds

        labels, above = outputs.shape[1], 0.5
        return {
            "f1_macro": _OfLogits(kinds.MultilabelF1Score(labels, above, average="macro")),
            "f1_micro": _OfLogits(kinds.MultilabelF1Score(labels, above, average="micro")),
            "mean_average_precision": _OfLogits(
                kinds.MultilabelAveragePrecision(labels, average="macro", thresholds=None)
            ),
        }

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the qualities of the shares of the labels in the training data.

        F1 is that of the better of two answers: these shares, above one half or not, and all labels
        for every sample.
        """
        known = [self.targets(batch).double() for batch in train]
        if not known:
            return None
        labels = torch.cat(known)
        shares = (labels.sum(0) + 1) / (len(labels) + 2)
        answers = {"shares": shares.logit(), "all": shares.logit() + shares.logit().abs().max() + 1}
        meters = {name: self.meter(torch.device("cpu")) for name in answers}
        for batch in validation:
            targets = self.targets(batch)
            for name, meter in meters.items():
                meter.update(answers[name].expand(len(targets), -1).float(), batch)
        found, always = (meters[name].compute() for name in ("shares", "all"))
        return {**found, **{n: max(found[n], always[n]) for n in ("f1_macro", "f1_micro")}}

    def recognises(self, batch: Batch) -> str | None:
        """Recognise floating-point labels (N, K), K above 1, that are all 0 or 1."""
        labels = self.targets(batch) if has_pairs(batch) else None
        if not isinstance(labels, Tensor) or not labels.is_floating_point() or labels.ndim != 2:
            return None
        is_one = labels.shape[1] > 1 and _is_binary(labels)
        return f"labels are 0 or 1 of {tuple(labels.shape)}" if is_one else None

    def fitted(self, loaders: Loaders) -> Self:
        """Return the task with the number of labels.

        Raises:
            DataError: labels are not 0 or 1, or there are other numbers of labels.
        """
        counts = {labels.shape[1] for labels in self._checked(loaders)}
        if len(counts) > 1:
            raise DataError(f"all samples must have as many labels, got {sorted(counts)}")
        return replace(self, num_labels=counts.pop())

    def _checked(self, loaders: Loaders) -> Iterator[Tensor]:
        for part, loader in loaders.items():
            found = 0
            for batch in loader or ():
                found += 1
                yield self._labels(unkeyed(batch), f"{LOADERS[part]}()")
            if loader is not None and not found:
                raise DataError(f"{LOADERS[part]}() yields no batches")

    def _labels(self, batch: Batch, where: str) -> Tensor:
        if not has_pairs(batch):
            raise DataError(f"{where}: batches must be (inputs, labels), got {described(batch)}")
        labels, count = self.targets(batch), len(self.inputs(batch))
        if not isinstance(labels, Tensor) or labels.ndim != 2 or len(labels) != count:
            kind = tuple(labels.shape) if isinstance(labels, Tensor) else described(labels)
            raise DataError(f"{where}: labels must be of shape ({count}, labels), got {kind}")
        if not _is_binary(labels):
            raise DataError(f"{where}: labels must be 0 or 1, got {labels.min()} to {labels.max()}")
        return labels

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the number of labels, also as `num_classes`, and the channels of an image."""
        channels = {"in_channels": info.input_shape[0]} if info.input_shape else {}
        return {"num_outputs": self.num_labels, "num_classes": self.num_labels, **channels}

    def check_outputs(self, outputs: Outputs, count: int, info: DataInfo) -> str | None:
        """Require logits (N, labels)."""
        expected, outputs = (count, self.num_labels), self.answer(outputs)
        fits = isinstance(outputs, Tensor) and tuple(outputs.shape) == expected
        return None if fits or self.num_labels is None else f"have the shape {expected}"


class _OfLogits:
    """A metric of probabilities and whole labels; torchmetrics takes logits in 0 to 1 for such."""

    def __init__(self, metric: Any) -> None:
        self._metric = metric

    def to(self, device: torch.device) -> _OfLogits:
        return _OfLogits(self._metric.to(device))

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        self._metric.update(outputs.sigmoid(), targets.long())

    def compute(self) -> Tensor:
        found: Tensor = self._metric.compute()
        return found


def _is_binary(labels: Tensor) -> bool:
    return bool(((labels == 0) | (labels == 1)).all())
