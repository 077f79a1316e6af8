"""`task=classification`: one class for each sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from paretoprune.errors import DataError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Outputs
from paretoprune.tasks.output_task import OutputTask, described, has_pairs

_DTYPES = (
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.int32,
    torch.int64,
    torch.bool,
)
_NAMES = ("accuracy", "top5_accuracy", "precision", "recall", "f1", "loss", "calibration_error")
_TOP = 5
_BINS = 15


@dataclass(frozen=True)
class Classification(OutputTask):
    """Batches (x, y) with class numbers y (N,), and logits (N, classes) as outputs.

    Precision, recall and F1 are macro averages over the classes that occur in labels or
    predictions. The calibration error is the expected calibration error with 15 bins (Guo et al.
    2017, eq. 3).
    """

    offers: tuple[str, ...] = ("num_classes", "in_channels")
    activation = "softmax"
    form = "classification (labels int64 class numbers of shape (N,))"

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """Accuracy, and further rates; top-5 accuracy with more than five classes."""
        return tuple(QUANTITIES[name] for name in _NAMES)

    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the cross-entropy of each sample in nats."""
        return cross_entropy(outputs, targets, reduction="none")

    def mean_loss(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the mean cross-entropy in nats."""
        return cross_entropy(outputs, targets)

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return T^2 * KL(teacher || student) in nats, both softmax at temperature T.

        Hinton et al. 2015, section 2; T^2 keeps the scale of the gradients when T changes.
        """
        divergence = kl_div(
            log_softmax(student / temperature, dim=1),
            log_softmax(teacher / temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        return temperature**2 * divergence

    def per_sample(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return 100 for each sample with the right class, 0 for the others."""
        right: Tensor = outputs.argmax(1) == targets
        return 100.0 * right.float()

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        """Return the metrics for as many classes as the outputs have."""
        # Imported here, since it takes seconds that other processes need not spend.
        from torchmetrics import classification as kinds

        classes = outputs.shape[1]
        found: dict[str, Any] = {
            "accuracy": kinds.MulticlassAccuracy(classes, average="micro"),
            "precision": kinds.MulticlassPrecision(classes, average="macro"),
            "recall": kinds.MulticlassRecall(classes, average="macro"),
            "f1": kinds.MulticlassF1Score(classes, average="macro"),
            "calibration_error": _OfProbabilities(
                kinds.MulticlassCalibrationError(classes, _BINS, norm="l1")
            ),
        }
        if classes > _TOP:
            found["top5_accuracy"] = kinds.MulticlassAccuracy(classes, _TOP, average="micro")
        return found

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the accuracy and the loss of the best constant answers.

        These are the most frequent class and the class frequencies of `validation`.
        """
        counts = Counter(
            label for batch in validation for label in self.targets(unkeyed(batch)).tolist()
        )
        shares = torch.tensor([*counts.values()], dtype=torch.float64) / (counts.total() or 1)
        if not counts:
            return None
        return {
            "accuracy": 100.0 * shares.max().item(),
            "loss": -(shares * shares.log()).sum().item(),
        }

    def recognises(self, batch: Batch) -> str | None:
        """Recognise labels that are int64 class numbers (N,)."""
        labels = self.targets(batch) if has_pairs(batch) else None
        if isinstance(labels, Tensor) and labels.dtype == torch.int64 and labels.ndim == 1:
            return f"labels are int64 of {tuple(labels.shape)}"
        return None

    def trivial_scores(self, train: Iterable[Batch], test: Iterable[Batch]) -> Tensor | None:
        """Return 100 for each sample of the most frequent class of `test`, 0 for the others."""
        found = [self.targets(unkeyed(batch)).cpu() for batch in test]
        if not found:
            return None
        labels = torch.cat(found)
        return 100.0 * (labels == labels.mode().values).float()

    def describe(self, info: DataInfo, loaders: Loaders) -> DataInfo:
        """Check inputs and labels of the first batches, and count the classes."""
        classes = int(info.num_classes or len(info.class_names) or _count(self, loaders))
        for part, loader in loaders.items():
            if loader is not None:
                _check(self, next(iter(loader), None), classes, where=f"{LOADERS[part]}()")
        return replace(info, num_classes=classes)

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the number of classes, and the channels of an image."""
        channels = {"in_channels": info.input_shape[0]} if info.input_shape else {}
        return {"num_classes": info.num_classes, **channels}

    def check_outputs(self, outputs: Outputs, count: int, info: DataInfo) -> str | None:
        """Require logits (N, classes)."""
        expected, outputs = (count, info.num_classes), self.answer(outputs)
        fits = isinstance(outputs, Tensor) and tuple(outputs.shape) == expected
        return None if fits else f"have the shape {expected}"


class _OfProbabilities:
    """A metric of probabilities: torchmetrics takes logits between 0 and 1 for such."""

    def __init__(self, metric: Any) -> None:
        self._metric = metric

    def to(self, device: torch.device) -> _OfProbabilities:
        return _OfProbabilities(self._metric.to(device))

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        self._metric.update(outputs.softmax(dim=1), targets)

    def compute(self) -> Tensor:
        found: Tensor = self._metric.compute()
        return found


def _count(task: Classification, loaders: Loaders) -> int:
    """Return the number of classes: one more than the largest training or validation label."""
    largest = -1
    for part in ("train", "validation"):
        for batch in loaders[part] or ():
            largest = max(largest, int(_labels(task, batch, f"{LOADERS[part]}()").max()))
    return largest + 1


def _check(task: Classification, batch: Batch, num_classes: int, *, where: str) -> None:
    y = _labels(task, batch, where)
    for x in task.inputs(unkeyed(batch)):
        finite = not x.is_floating_point() or bool(x.isfinite().all())
        if not finite or x.dtype not in _DTYPES:
            raise DataError(
                f"{where}: inputs must be floating-point numbers without NaN or infinity, or int64 "
                f"indices, got {x.dtype}{'' if finite else ' with such values'}"
            )
    if int(y.min()) < 0 or int(y.max()) >= num_classes:
        raise DataError(
            f"{where}: labels must be 0 to {num_classes - 1} as there are {num_classes} classes, "
            f"got {int(y.min())} to {int(y.max())}"
        )


def _labels(task: Classification, batch: Batch, where: str) -> Tensor:
    """Return the labels of a batch. Raises DataError for a batch of another form."""
    if batch is None:
        raise DataError(f"{where} yields no batches")
    batch = unkeyed(batch)
    if not has_pairs(batch):
        more = isinstance(batch, tuple | list) and len(batch) > 2
        unused = ": classification does not use the others, so leave them out" if more else ""
        raise DataError(f"{where}: batches must be tensors (x, y), got {described(batch)}{unused}")
    y = task.targets(batch)
    count = len(task.inputs(batch))
    if not isinstance(y, Tensor) or y.dtype != torch.int64 or y.ndim != 1 or count != len(y):
        found = f"{y.dtype} of shape {tuple(y.shape)}" if isinstance(y, Tensor) else described(y)
        raise DataError(
            f"{where}: labels must be int64 class numbers of shape ({count},), got {found}"
        )
    return y
