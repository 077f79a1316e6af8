"""Properties of a data module: given by ours, determined from batches for others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from dataclasses import replace
from typing import Any

from lightning import LightningDataModule

from paretoprune.errors import DataError
from paretoprune.results import DataInfo, Preprocessing
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Task


def prepare(datamodule: LightningDataModule) -> None:
    """Let a user's data module make its parts; ours are made already.

    Raises:
        DataError: it is no data module.
    """
    if isinstance(getattr(datamodule, "info", None), DataInfo):
        return
    if not isinstance(datamodule, LightningDataModule):
        raise DataError(f"data must be a LightningDataModule, got {type(datamodule).__name__}")
    datamodule.prepare_data()
    datamodule.setup("fit")
    datamodule.setup("test")


def describe(datamodule: LightningDataModule, task: Task) -> DataInfo:
    """Return the properties of a prepared data module, whose batches the task checks.

    An attribute `info` that is a DataInfo is returned as it is. Otherwise `num_classes`,
    `class_names`, `vocab_size` and `input_shape` are taken from the attributes of these names or
    determined from the batches. The test loader may be missing.

    Raises:
        DataError: a batch is not as the task expects.
    """
    info = getattr(datamodule, "info", None)
    if isinstance(info, DataInfo):
        return info
    loaders = loaders_of(datamodule)
    stated = DataInfo(
        num_classes=int(getattr(datamodule, "num_classes", None) or 0),
        input_shape=tuple(getattr(datamodule, "input_shape", None) or ()),
        num_train=0,
        num_validation=0,
        num_test=0,
        split=f"the parts as {type(datamodule).__name__} gives them",
        vocab_size=int(getattr(datamodule, "vocab_size", None) or 0),
        class_names=tuple(str(name) for name in getattr(datamodule, "class_names", None) or ()),
    )
    found = task.describe(stated, loaders)
    sizes = {part: 0 if it is None else _num_samples(it, task) for part, it in loaders.items()}
    return replace(
        found,
        input_shape=found.input_shape or _shape(loaders["train"], task),
        num_train=sizes["train"],
        num_validation=sizes["validation"],
        num_test=sizes["test"],
    )


def first_batch(datamodule: LightningDataModule) -> Batch:
    """Return the first validation batch, without the keys of its samples.

    Raises:
        DataError: a loader is missing, or there is no batch.
    """
    loader = loaders_of(datamodule)["validation"]
    batch = next(iter(loader or ()), None)
    if batch is None:
        raise DataError(f"{LOADERS['validation']}() yields no batches")
    return unkeyed(batch)


def loaders_of(datamodule: LightningDataModule) -> dict[str, Iterable[Any] | None]:
    """Return the loaders of "train", "validation" and "test"; None for a missing test loader."""
    return {part: _loader(datamodule, part) for part in LOADERS}


def preprocessing_of(datamodule: LightningDataModule) -> Preprocessing | None:
    """Return the preprocessing of images without augmentation; None if unknown.

    A user's own data module states it by an attribute `preprocessing`.
    """
    found = getattr(datamodule, "preprocessing", None)
    return found if isinstance(found, Preprocessing) else None


def meanings_of(datamodule: LightningDataModule) -> dict[str, str]:
    """Return what the inputs and outputs mean, in sentences by name.

    A user's own data module states it by an attribute `meanings`.
    """
    found = getattr(datamodule, "meanings", None)
    if not isinstance(found, Mapping):
        return {}
    return {str(name): str(meaning) for name, meaning in found.items()}


def _loader(datamodule: LightningDataModule, part: str) -> Iterable[Any] | None:
    name = LOADERS[part]
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


def _shape(loader: Iterable[Batch] | None, task: Task) -> tuple[int, ...]:
    """Return the shape of one sample of the first argument."""
    batch = next(iter(loader or ()))
    return tuple(next(iter(task.inputs(unkeyed(batch)))).shape[1:])


def _num_samples(loader: Iterable[Batch], task: Task) -> int:
    dataset = getattr(loader, "dataset", None)
    if isinstance(dataset, Sized):
        return len(dataset)
    return sum(len(task.inputs(unkeyed(batch))) for batch in loader)
