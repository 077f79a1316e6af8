"""Batches of images with boxes: their form, and checks of their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from paretoprune.errors import DataError
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch, Loaders
from paretoprune.tasks.output_task import described

TARGET = ("boxes", "labels")
DETECTION = (*TARGET, "scores")


def check_boxes(batch: Batch, where: str) -> None:
    """Raise DataError for a batch of another form, and for wrong boxes."""
    if batch is None:
        raise DataError(f"{where} yields no batches")
    batch = unkeyed(batch)
    if not is_detection(batch):
        raise DataError(
            f"{where}: batches must be (images, targets), lists of images (C, H, W) and of dicts "
            f"with {' and '.join(TARGET)}, got {described(batch)}"
        )
    for image, target in zip(*batch, strict=True):
        _check_image(image, target, where)


def is_detection(batch: Batch) -> bool:
    """Return True for lists of as many images as dicts with boxes and labels."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        return False
    if not all(isinstance(part, tuple | list) for part in batch):
        return False
    images, targets = batch
    return (
        0 < len(images) == len(targets)
        and all(isinstance(one, Tensor) and one.ndim == 3 for one in images)
        and all(has_tensors(one, TARGET) for one in targets)
    )


def _check_image(image: Tensor, target: Mapping[str, Tensor], where: str) -> None:
    boxes, labels = target["boxes"], target["labels"]
    if not image.is_floating_point() or not bool(image.isfinite().all()):
        raise DataError(
            f"{where}: images must be floating-point numbers without NaN or infinity, got "
            f"{image.dtype}"
        )
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not boxes.is_floating_point():
        raise DataError(
            f"{where}: boxes must be floating-point numbers of shape (K, 4), got {boxes.dtype} of "
            f"{tuple(boxes.shape)}"
        )
    if labels.dtype != torch.int64 or tuple(labels.shape) != (len(boxes),):
        raise DataError(
            f"{where}: labels must be int64 class numbers of shape ({len(boxes)},), one for each "
            f"box, got {labels.dtype} of {tuple(labels.shape)}"
        )
    height, width = image.shape[1:]
    low, high = boxes[:, :2], boxes[:, 2:]
    inside = (low >= 0).all() and (high <= high.new_tensor([width, height])).all()
    if not bool(inside and (low < high).all()):
        raise DataError(
            f"{where}: boxes must be x1, y1, x2, y2 in pixels with x1 < x2 and y1 < y2, inside the "
            f"image of {width}x{height}"
        )


def check_labels(targets: Sequence[Mapping[str, Tensor]], classes: int, where: str) -> None:
    """Raise DataError for labels that are not 1 to `classes` - 1."""
    labels = torch.cat([target["labels"] for target in targets])
    if labels.numel() and not (int(labels.min()) >= 1 and int(labels.max()) < classes):
        raise DataError(
            f"{where}: labels must be 1 to {classes - 1}, as there are {classes} classes with the "
            f"background, 0, got {int(labels.min())} to {int(labels.max())}"
        )


def has_tensors(value: Any, names: Iterable[str]) -> bool:
    """Return True for a mapping with a tensor under each of these names."""
    return isinstance(value, Mapping) and all(isinstance(value.get(n), Tensor) for n in names)


def count_classes(loaders: Loaders) -> int:
    """Return one more than the largest training or validation label.

    Raises DataError if there is no box.
    """
    largest = 0
    for part in ("train", "validation"):
        for batch in loaders[part] or ():
            for target in unkeyed(batch)[1]:
                largest = max(largest, *target["labels"].tolist(), 0)
    if not largest:
        raise DataError(
            "no image of the training and validation data has a box with a class number of 1 or "
            "more: there is nothing to detect"
        )
    return largest + 1
