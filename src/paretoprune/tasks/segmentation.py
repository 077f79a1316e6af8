"""`task=segmentation`: one class for each pixel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, kl_div, log_softmax

from paretoprune.errors import DataError, SettingsError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Outputs
from paretoprune.tasks.nest import floats, tensors_in
from paretoprune.tasks.output_task import OutputTask, described, has_pairs

_MAIN = ("out", "logits")  # names of the logits in outputs that are mappings
_AUXILIARY = "aux"  # of a second head that helps in training, as in torchvision


@dataclass(frozen=True)
class Segmentation(OutputTask):
    """Batches (x, y) of images (N, C, H, W) and class numbers y (N, H, W).

    Outputs are logits (N, classes, h, w), or a mapping with such as `out` or `logits`; if they are
    smaller than the labels, they are enlarged (bilinear). The mean intersection over union is that
    of the whole part of the data, over the classes that occur in labels or predictions (Everingham
    et al. 2010, section 4.2). The loss of an image is the mean over its pixels with a class.
    """

    ignore_index: int | None = 255  # label of pixels without a class; None: every pixel has one
    aux_weight: float = 0.5  # of the loss of an output `aux`, in training alone

    offers = ("num_classes", "in_channels")
    activation = "softmax"
    form = "segmentation (labels int64 class numbers of shape (N, H, W))"

    def __post_init__(self) -> None:
        if self.aux_weight < 0:
            raise SettingsError([f"`task.aux_weight` must be 0 or more, got {self.aux_weight}"])

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """Mean intersection over union, and the share of pixels with the right class."""
        return tuple(QUANTITIES[name] for name in ("miou", "pixel_accuracy", "loss"))

    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the mean cross-entropy in nats over the counted pixels of each image."""
        logits = enlarged(logits_of(outputs), targets)
        each = cross_entropy(logits, targets, ignore_index=self._ignored, reduction="none")
        return self._mean(each, targets)

    def loss_and_outputs(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Outputs]:
        """Return the mean loss, and the logits in float32.

        In training mode, the loss of an output `aux` is added.
        """
        found, targets = floats(self.inputs(batch).run(model)), self.targets(batch)
        logits = logits_of(found)
        loss = self.mean_loss(logits, targets)
        if model.training and isinstance(found, Mapping) and _AUXILIARY in found:
            loss = loss + self.aux_weight * self.mean_loss(found[_AUXILIARY], targets)
        return loss, logits

    def outputs(self, model: nn.Module, batch: Batch) -> Outputs:
        """Return the logits for a batch in float32, without auxiliary outputs."""
        return logits_of(floats(self.inputs(batch).run(model)))

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return T^2 * KL(teacher || student) in nats, the mean over the counted pixels.

        Both are softmax at temperature T (Hinton et al. 2015, section 2).
        """
        targets = self.targets(batch)
        own, wanted = (
            log_softmax(enlarged(logits_of(one), targets) / temperature, dim=1)
            for one in (student, teacher)
        )
        each = kl_div(own, wanted, reduction="none", log_target=True).sum(1)
        return temperature**2 * self._mean(each, targets).mean()

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        """Return the metrics for as many classes as the outputs have."""
        # Imported here, since it takes seconds that other processes need not spend.
        from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

        classes, ignored = logits_of(outputs).shape[1], self.ignore_index
        return {
            "miou": _OfPixels(MulticlassJaccardIndex(classes, ignore_index=ignored)),
            "pixel_accuracy": _OfPixels(
                MulticlassAccuracy(classes, average="micro", ignore_index=ignored)
            ),
        }

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the qualities of the best constant answers on `validation`.

        These are the most frequent class and, for the loss, the mean class frequencies of the
        images.
        """
        counts = [
            torch.bincount(self._counted(image), minlength=1).double()
            for batch in validation
            for image in self.targets(unkeyed(batch))
        ]
        images = nn.utils.rnn.pad_sequence(counts, batch_first=True) if counts else torch.zeros(1)
        total = images.sum(0) if counts else images
        if not total.sum():
            return None
        shares, largest = total / total.sum(), 100.0 * float(total.max() / total.sum())
        means = (images / images.sum(1, keepdim=True).clamp_min(1)).mean(0)
        return {
            "miou": largest / int((shares > 0).sum()),
            "pixel_accuracy": largest,
            "loss": -float(torch.xlogy(means, means / means.sum()).sum()),
        }

    def recognises(self, batch: Batch) -> str | None:
        """Recognise labels that are int64 class numbers (N, H, W)."""
        labels = self.targets(batch) if has_pairs(batch) else None
        if isinstance(labels, Tensor) and labels.dtype == torch.int64 and labels.ndim == 3:
            return f"labels are int64 of {tuple(labels.shape)}"
        return None

    def describe(self, info: DataInfo, loaders: Loaders) -> DataInfo:
        """Check images and labels of the first batches, and count the classes."""
        classes = int(info.num_classes or len(info.class_names) or self._count(loaders))
        for part, loader in loaders.items():
            if loader is not None:
                self._check(next(iter(loader), None), classes, where=f"{LOADERS[part]}()")
        return replace(info, num_classes=classes)

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the number of classes, and the channels of an image."""
        channels = {"in_channels": info.input_shape[0]} if info.input_shape else {}
        return {"num_classes": info.num_classes, **channels}

    def check_outputs(self, outputs: Outputs, count: int, info: DataInfo) -> str | None:
        """Require logits (N, classes, h, w), or a mapping with such."""
        logits = _main(outputs)
        expected = (count, info.num_classes)
        if logits is not None and logits.ndim == 4 and tuple(logits.shape[:2]) == expected:
            return None
        return (
            f"have the shape ({count}, {info.num_classes}, height, width), or be a mapping with "
            "such logits as `out` or `logits`"
        )

    def join(self, batches: Sequence[Batch]) -> Batch:
        """Return several batches as one; the padding of smaller images is ignored by the loss
        and metrics."""
        shapes = {tuple(self.targets(batch).shape[1:]) for batch in batches}
        if len(shapes) > 1 and self.ignore_index is None:
            raise DataError(
                f"labels have several sizes, {' and '.join(map(str, sorted(shapes)))}; give images "
                "of one size, or set `task.ignore_index`, with which smaller ones are filled up"
            )
        ignored = self.ignore_index or 0
        moved = [self._with_labels(one, self.targets(one) - ignored) for one in batches]
        joined = super().join(moved)  # fills up with zeros
        return self._with_labels(joined, self.targets(joined) + ignored)

    @property
    def _ignored(self) -> int:
        return -100 if self.ignore_index is None else self.ignore_index

    def _mean(self, values: Tensor, targets: Tensor) -> Tensor:
        """Return the mean over the counted pixels of each image, (N,); 0 if there are none."""
        counted = targets != self._ignored
        sums = values.masked_fill(~counted, 0.0).flatten(1).sum(1)
        return sums / counted.flatten(1).sum(1).clamp_min(1)

    def _counted(self, labels: Tensor) -> Tensor:
        return labels[labels != self._ignored]

    def _with_labels(self, batch: Batch, labels: Tensor) -> Batch:
        if not isinstance(batch, Mapping):
            return (batch[0], labels)
        wanted = self.targets(batch)
        return {name: labels if one is wanted else one for name, one in batch.items()}

    def _count(self, loaders: Loaders) -> int:
        """Return one more than the largest training or validation label that counts."""
        largest = -1
        for part in ("train", "validation"):
            for batch in loaders[part] or ():
                labels = self._counted(self._labels(batch, f"{LOADERS[part]}()"))
                largest = max(largest, int(labels.max()) if labels.numel() else -1)
        return largest + 1

    def _check(self, batch: Batch, num_classes: int, *, where: str) -> None:
        y = self._labels(batch, where)
        for x in self.inputs(unkeyed(batch)):
            if x.is_floating_point() and not bool(x.isfinite().all()):
                raise DataError(f"{where}: images must be without NaN or infinity")
        counted = self._counted(y)
        if not counted.numel():
            raise DataError(
                f"{where}: no pixel of the first batch has a class, as all labels are "
                f"{self.ignore_index}, which `task.ignore_index` leaves out"
            )
        if int(counted.min()) < 0 or int(counted.max()) >= num_classes:
            raise DataError(
                f"{where}: labels must be 0 to {num_classes - 1} as there are {num_classes} "
                f"classes, or {self.ignore_index} for pixels without a class, got "
                f"{int(counted.min())} to {int(counted.max())}; set `task.ignore_index` to the "
                "label of such pixels"
            )

    def _labels(self, batch: Batch, where: str) -> Tensor:
        """Return the labels of a batch. Raises DataError for a batch of another form."""
        if batch is None:
            raise DataError(f"{where} yields no batches")
        batch = unkeyed(batch)
        if not has_pairs(batch):
            raise DataError(f"{where}: batches must be tensors (x, y), got {described(batch)}")
        images = [x for x in self.inputs(batch) if x.ndim == 4 and x.is_floating_point()]
        if not images:
            raise DataError(f"{where}: there must be images (N, C, H, W) of floating-point numbers")
        y, expected = self.targets(batch), (len(images[0]), *images[0].shape[2:])
        if not isinstance(y, Tensor) or y.dtype != torch.int64 or tuple(y.shape) != expected:
            found = f"{y.dtype} of {tuple(y.shape)}" if isinstance(y, Tensor) else described(y)
            raise DataError(
                f"{where}: labels must be int64 class numbers of shape {expected}, one for each "
                f"pixel of the images, got {found}"
            )
        return y


def logits_of(outputs: Outputs) -> Tensor:
    """Return the logits (N, classes, h, w) among a model's outputs.

    Raises:
        DataError: there are none.
    """
    found = _main(outputs)
    if found is None:
        raise DataError(f"the model's output must hold logits, got {described(outputs)}")
    return found


def enlarged(logits: Tensor, labels: Tensor) -> Tensor:
    """Return logits (N, classes, H, W) at the size of labels (N, H, W)."""
    size = tuple(labels.shape[1:])
    if tuple(logits.shape[2:]) == size:
        return logits
    return interpolate(logits, size=size, mode="bilinear", align_corners=False)


def _main(outputs: Outputs) -> Tensor | None:
    """Return `out` or `logits` of a mapping, or else the first tensor of floats."""
    named: Iterator[Any] = iter(())
    if isinstance(outputs, Mapping):
        named = (outputs[name] for name in _MAIN if name in outputs)
    chosen = next(named, outputs)
    return next((one for one in tensors_in(chosen) if one.is_floating_point()), None)


class _OfPixels:
    """A metric of the most likely class of each pixel, at the size of the labels."""

    def __init__(self, metric: Any) -> None:
        self._metric = metric

    def to(self, device: torch.device) -> _OfPixels:
        return _OfPixels(self._metric.to(device))

    def update(self, outputs: Outputs, targets: Tensor) -> None:
        self._metric.update(enlarged(logits_of(outputs), targets).argmax(1), targets)

    def compute(self) -> Tensor:
        found: Tensor = self._metric.compute()
        return found
