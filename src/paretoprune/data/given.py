"""Data that were given as objects: a data module, or loaders that become one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lightning import LightningDataModule

from paretoprune.errors import DataError, SettingsError

Loader = Iterable[Any]  # yields batches (x, y), the same samples each time it is gone through
GivenData = LightningDataModule | Sequence[Loader]


def given_data(class_name: str) -> LightningDataModule:
    """Stand in the config for data of this class that were given as an object.

    Raises SettingsError: no other process has the object, so nothing can be built.
    """
    raise SettingsError(
        [
            f"the data of this sweep, a {class_name}, were given to paretoprune.search as an "
            "object, which only Python has: pick with paretoprune.search(...).pick() or "
            "paretoprune.pick(NAME, model=..., data=...)"
        ]
    )


def as_datamodule(data: GivenData) -> LightningDataModule:
    """The data module itself, or one of two or three loaders: train, validation and test.

    Raises DataError for anything else.
    """
    if isinstance(data, LightningDataModule):
        return data
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise DataError(
            "`data` must be a LightningDataModule or two or three loaders (train, validation, "
            f"test), got {_described(data)}"
        )
    for part, loader in zip(("train", "validation", "test"), data, strict=False):
        if not isinstance(loader, Iterable) or isinstance(loader, Iterator):
            raise DataError(
                f"the {part} loader must be a DataLoader or another iterable of batches (x, y) "
                f"that can be gone through many times, got {_described(loader)}"
            )
    return Loaders(*data) if len(data) == 2 else TestedLoaders(*data)


class Loaders(LightningDataModule):
    """Loaders of training and validation data as a data module."""

    def __init__(self, train: Loader, validation: Loader) -> None:
        super().__init__()
        self._train, self._validation = train, validation

    def train_dataloader(self) -> Loader:
        """The training data."""
        return self._train

    def val_dataloader(self) -> Loader:
        """The validation data."""
        return self._validation


class TestedLoaders(Loaders):
    """The same with a loader of test data."""

    __test__ = False  # no test of pytest's

    def __init__(self, train: Loader, validation: Loader, test: Loader) -> None:
        super().__init__(train, validation)
        self._test = test

    def test_dataloader(self) -> Loader:
        """The test data."""
        return self._test


def _described(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"{len(value)} of them" if value else "nothing"
    return type(value).__name__
