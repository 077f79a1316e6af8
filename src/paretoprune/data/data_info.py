"""Properties of a data module: given by ours, determined from batches for others."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any

from lightning import LightningDataModule

from paretoprune.errors import DataError
from paretoprune.results import DataInfo, Preprocessing
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Task

_NUM_CHANNELS = (1, 3, 4)  # of images


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
        num_classes=_number(datamodule, "num_classes"),
        input_shape=tuple(map(int, _listed(datamodule, "input_shape"))),
        num_train=0,
        num_validation=0,
        num_test=0,
        split=f"the parts as {type(datamodule).__name__} gives them",
        vocab_size=_number(datamodule, "vocab_size"),
        class_names=tuple(map(str, _listed(datamodule, "class_names"))),
    )
    found = task.describe(stated, loaders)
    shape = found.input_shape or _shape(loaders["train"], task)
    sizes = {part: 0 if it is None else _num_samples(it, task) for part, it in loaders.items()}
    return replace(
        found,
        input_shape=shape,
        caution=found.caution or _caution(shape),
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


def _number(datamodule: LightningDataModule, name: str) -> int:
    """Return an attribute that is a number; 0 if it is absent."""
    given = getattr(datamodule, name, None)
    if given is None:
        return 0
    try:
        return operator.index(given)
    except TypeError:
        kind = type(datamodule).__name__
        raise DataError(f"{kind}.{name} must be a whole number, got {given!r}") from None


def _listed(datamodule: LightningDataModule, name: str) -> Sequence[Any]:
    """Return an attribute that is a sequence; empty if it is absent."""
    given = getattr(datamodule, name, None)
    if given is None:
        return ()
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DataError(f"{type(datamodule).__name__}.{name} must be a list, got {given!r}")
    return [*given]


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


def _caution(shape: Sequence[int]) -> str | None:
    """Return a caution about images (height, width, channels); None for other shapes."""
    if len(shape) != 3 or min(shape[:2]) <= max(_NUM_CHANNELS) or shape[2] not in _NUM_CHANNELS:
        return None
    return (
        f"inputs of shape {tuple(shape)} look like images with the channels last, and are taken as "
        f"{shape[0]} channels; write `x.permute(0, 3, 1, 2)` where they are"
    )


def _shape(loader: Iterable[Batch] | None, task: Task) -> tuple[int, ...]:
    """Return the shape of one sample of the first argument."""
    batch = next(iter(loader or ()))
    return tuple(next(iter(task.inputs(unkeyed(batch)))).shape[1:])


def _num_samples(loader: Iterable[Batch], task: Task) -> int:
    dataset = getattr(loader, "dataset", None)
    if isinstance(dataset, Sized):
        return len(dataset)
    return sum(len(task.inputs(unkeyed(batch))) for batch in loader)
