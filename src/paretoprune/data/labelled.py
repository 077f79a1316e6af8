"""Images with their labels as two tensors, and the checks on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paretoprune.errors import DataError

_NUMBERED = (
    "number the classes with `class_names, labels = np.unique(labels, return_inverse=True)`, and "
    "save `class_names` too"
)


@dataclass(frozen=True)
class LabelledImages:
    """One part of a data set, with channels last, as image files store them."""

    images: Tensor  # (N, H, W, C): uint8 in 0 to 255, or float32
    labels: Tensor  # (N,) int64, or (N, H, W) for one of each pixel

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> LabelledImages:
        """Return the samples at `indices`, in that order."""
        index = torch.from_numpy(indices)
        return LabelledImages(self.images[index], self.labels[index])

    def to(self, device: torch.device | str) -> LabelledImages:
        """Return the same samples on another device."""
        return LabelledImages(self.images.to(device), self.labels.to(device))


def labelled_images(images: np.ndarray, labels: np.ndarray, *, where: str) -> LabelledImages:
    """Check images and labels from `where`, and convert them to tensors.

    Images are (N, H, W) or (N, H, W, C), labels (N,).

    Raises:
        DataError: wrong shapes or dtypes, negative labels, or values that are not finite.
    """
    if 0 in images.shape:
        raise DataError(f"{where}: there are no images, got an array of shape {images.shape}")
    if images.ndim not in (3, 4):
        raise DataError(f"{where}: images must be (N, H, W, C) or (N, H, W), got {images.shape}")
    if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
        raise DataError(
            f"{where}: images must be uint8 or float, got {images.dtype}; convert values of 0 to "
            "255 with `images.astype(np.uint8)`, others with `images.astype(np.float32)`"
        )
    if images.dtype != np.uint8 and not np.isfinite(images).all():
        raise DataError(f"{where}: images hold NaN or infinite values; remove or replace them")
    _check_labels(labels, len(images), where)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    dtype = np.uint8 if images.dtype == np.uint8 else np.float32
    return LabelledImages(
        # Copied only if needed: torch warns about read-only memory.
        torch.from_numpy(np.require(images, dtype=dtype, requirements=["C", "W"])),
        torch.from_numpy(labels.astype(np.int64)),
    )


def _check_labels(labels: np.ndarray, num_images: int, where: str) -> None:
    if labels.ndim != 1 or len(labels) != num_images:
        raise DataError(
            f"{where}: labels must be one number per image, of shape ({num_images},), "
            f"got {labels.shape}{_shape_advice(labels, num_images)}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{where}: labels must be integers counted from 0, {_dtype_advice(labels)}")
    if labels.min() < 0:
        raise DataError(f"{where}: labels must be counted from 0, got {labels.min()}")


def _shape_advice(labels: np.ndarray, num_images: int) -> str:
    if labels.shape == (num_images, 1):
        return "; write `labels.ravel()`"
    return "; write `labels.argmax(1)` if they are one-hot" if labels.ndim == 2 else ""


def _dtype_advice(labels: np.ndarray) -> str:
    is_number = np.issubdtype(labels.dtype, np.number) or labels.dtype == np.bool_
    if not is_number:
        return f"got text; {_NUMBERED}"
    if np.isnan(labels).any():
        return "got NaN; remove these samples, or number their class"
    return f"got {labels.dtype}; convert them with `labels.astype(np.int64)`"


def check_label_range(labels: np.ndarray, num_classes: int, *, where: str) -> None:
    """Check that all labels are in 0 to `num_classes` - 1.

    Raises:
        DataError: one is not.
    """
    if labels.max() >= num_classes:
        raise DataError(
            f"{where}: labels must be 0 to {num_classes - 1} as there are {num_classes} classes, "
            f"got {labels.max()}"
        )


def check_no_class_is_empty(labels: np.ndarray, class_names: tuple[str, ...]) -> None:
    """Check that every class has a training sample.

    Raises:
        DataError: a class has none.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    empty = [f"{c} ({class_names[c]})" for c in np.flatnonzero(counts == 0)]
    if empty:
        advice = _gap_advice(counts) if class_names == _numbers(counts) else "remove that class"
        raise DataError(
            f"every class needs training images, there are none for class {', '.join(empty[:5])}"
            f"{' ...' if len(empty) > 5 else ''}; {advice}; else add images, or raise "
            "`data.max_train` where it is set"
        )


def _numbers(counts: np.ndarray) -> tuple[str, ...]:
    return tuple(map(str, range(len(counts))))


def _gap_advice(counts: np.ndarray) -> str:
    from_one = counts[0] == 0 and bool((counts[1:] > 0).all())
    return "where labels are counted from 1, subtract 1" if from_one else _NUMBERED
