"""Properties of a data module: given by ours, determined from batches for others."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor

from paretoprune.errors import DataError
from paretoprune.results import DataInfo, Preprocessing

_LOADERS = {
    "train": "train_dataloader",
    "validation": "val_dataloader",
    "test": "test_dataloader",
}


def describe(datamodule: LightningDataModule) -> DataInfo:
    """Return the properties of a data module for classification.

    Its loaders yield batches (x, y) or (x, y, key). An attribute `info` that is a DataInfo is
    returned as it is. Otherwise `num_classes`, `class_names` and `input_shape` are taken from the
    attributes of these names or determined from the batches. The test loader may be missing.

    Raises:
        DataError: a loader is missing, or a batch is not as expected.
    """
    info = getattr(datamodule, "info", None)
    if isinstance(info, DataInfo):
        return info
    if not isinstance(datamodule, LightningDataModule):
        raise DataError(f"data must be a LightningDataModule, got {type(datamodule).__name__}")
    datamodule.prepare_data()
    datamodule.setup("fit")
    datamodule.setup("test")
    loaders = loaders_of(datamodule)
    class_names = tuple(str(name) for name in getattr(datamodule, "class_names", None) or ())
    num_classes = getattr(datamodule, "num_classes", None) or len(class_names) or _count(loaders)
    input_shape = getattr(datamodule, "input_shape", None)
    for part, loader in loaders.items():
        if loader is not None:
            shape = _check_first_batch(loader, num_classes, where=f"{_LOADERS[part]}()")
            input_shape = input_shape or shape
    sizes = {part: 0 if it is None else _num_samples(it) for part, it in loaders.items()}
    return DataInfo(
        num_classes=int(num_classes),
        input_shape=tuple(input_shape or ()),
        num_train=sizes["train"],
        num_validation=sizes["validation"],
        num_test=sizes["test"],
        split=f"the parts as {type(datamodule).__name__} gives them",
        class_names=class_names,
    )


def loaders_of(datamodule: LightningDataModule) -> dict[str, Iterable[Any] | None]:
    """Return the loaders of "train", "validation" and "test"; None for a missing test loader."""
    return {part: _loader(datamodule, part) for part in _LOADERS}


def preprocessing_of(datamodule: LightningDataModule) -> Preprocessing | None:
    """Return the preprocessing of images without augmentation; None if unknown.

    A user's own data module states it by an attribute `preprocessing`.
    """
    found = getattr(datamodule, "preprocessing", None)
    return found if isinstance(found, Preprocessing) else None


def _loader(datamodule: LightningDataModule, part: str) -> Iterable[Any] | None:
    name = _LOADERS[part]
    if getattr(type(datamodule), name) is getattr(LightningDataModule, name):
        if part == "test":
            return None
        raise DataError(
            f"{type(datamodule).__name__} must have {name}(), which yields batches (x, y)"
        )
    loader: object = getattr(datamodule, name)()
    if isinstance(loader, (list, tuple, dict)) or not isinstance(loader, Iterable):
        raise DataError(
            f"{type(datamodule).__name__}.{name}() must return one loader, "
            f"got {type(loader).__name__}"
        )
    return loader


def _check_first_batch(loader: Iterable[Any], num_classes: int, *, where: str) -> tuple[int, ...]:
    """Check the first batch, and return the shape of one sample."""
    batch = next(iter(loader), None)
    if batch is None:
        raise DataError(f"{where} yields no batches")
    x, y = _inputs_and_labels(batch, where)
    if not x.is_floating_point() or not bool(x.isfinite().all()):
        raise DataError(
            f"{where}: inputs must be floating-point numbers without NaN or infinity, got "
            f"{x.dtype}{' with such values' if x.is_floating_point() else ''}"
        )
    if int(y.min()) < 0 or int(y.max()) >= num_classes:
        raise DataError(
            f"{where}: labels must be 0 to {num_classes - 1} as there are {num_classes} classes, "
            f"got {int(y.min())} to {int(y.max())}"
        )
    return tuple(x.shape[1:])


def _inputs_and_labels(batch: object, where: str) -> tuple[Tensor, Tensor]:
    if (
        not isinstance(batch, (tuple, list))
        or len(batch) not in (2, 3)
        or not all(isinstance(item, Tensor) for item in batch)
    ):
        raise DataError(f"{where}: batches must be tensors (x, y), got {type(batch).__name__}")
    x, y = batch[0], batch[1]
    if y.dtype != torch.int64 or y.ndim != 1 or len(x) != len(y):
        raise DataError(
            f"{where}: labels must be int64 class numbers of shape ({len(x)},), "
            f"got {y.dtype} of shape {tuple(y.shape)}"
        )
    return x, y


def _count(loaders: dict[str, Iterable[Any] | None]) -> int:
    """Return the number of classes: one more than the largest training or validation label."""
    largest = -1
    for part in ("train", "validation"):
        for batch in loaders[part] or ():
            _, y = _inputs_and_labels(batch, f"{_LOADERS[part]}()")
            largest = max(largest, int(y.max()))
    return largest + 1


def _num_samples(loader: Iterable[Any]) -> int:
    dataset = getattr(loader, "dataset", None)
    if isinstance(dataset, Sized):
        return len(dataset)
    return sum(len(batch[1]) for batch in loader)
