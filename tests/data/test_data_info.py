"""Describing a user's own data module: from its attributes, or from what its loaders yield."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from paretoprune.data import describe as describe_prepared
from paretoprune.data.data_info import prepare
from paretoprune.errors import DataError
from paretoprune.results import DataInfo
from tests.kits.tasks import CLASSES


def describe(module: Any) -> DataInfo:
    prepare(module)
    return describe_prepared(module, CLASSES)


class Mine(LightningDataModule):
    """A user's data module, which makes its data in `setup` as Lightning advises."""

    def __init__(self, x: Tensor | None = None, y: Tensor | None = None) -> None:
        super().__init__()
        self.x = torch.rand(12, 2, 5, 5) if x is None else x
        self.y = torch.arange(12) % 4 if y is None else y
        self.stages: list[str] = []

    def prepare_data(self) -> None:
        self.stages.append("prepare")

    def setup(self, stage: str) -> None:
        self.stages.append(stage)
        self.data = TensorDataset(self.x, self.y)

    def train_dataloader(self) -> Any:
        return DataLoader(self.data, batch_size=5)

    def val_dataloader(self) -> Any:
        return DataLoader(self.data, batch_size=12)


class WithTest(Mine):
    def test_dataloader(self) -> Any:
        return DataLoader(self.data, batch_size=1)


def test_from_the_loaders() -> None:
    module = Mine()
    info = describe(module)
    assert (info.num_classes, info.input_shape, info.class_names) == (4, (2, 5, 5), ())
    assert (info.num_train, info.num_validation, info.num_test) == (12, 12, 0)
    assert info.split == "the parts as Mine gives them"
    assert module.stages == ["prepare", "fit", "test"]
    assert describe(WithTest()).num_test == 12


def test_attributes_come_first() -> None:
    module: Any = Mine()
    module.class_names = ["a", "b", "c", "d", "e"]
    assert describe(module).num_classes == 5
    assert describe(module).class_names == ("a", "b", "c", "d", "e")
    module.num_classes = 7
    module.input_shape = (2, 9, 9)
    assert describe(module).num_classes == 7
    assert describe(module).input_shape == (2, 9, 9)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_classes", "two", r"Mine\.num_classes must be a whole number, got 'two'"),
        ("vocab_size", 2.5, r"Mine\.vocab_size must be a whole number, got 2\.5"),
        ("class_names", "ab", r"Mine\.class_names must be a list, got 'ab'"),
        ("input_shape", 8, r"Mine\.input_shape must be a list, got 8"),
    ],
)
def test_attributes_of_another_kind_are_named(name: str, value: object, message: str) -> None:
    module: Any = Mine()
    setattr(module, name, value)
    with pytest.raises(DataError, match=message):
        describe(module)


def test_images_with_the_channels_last_are_cautioned_of() -> None:
    assert describe(Mine()).caution is None
    caution = describe(Mine(torch.rand(12, 8, 8, 3))).caution
    assert caution is not None and "taken as 8 channels; write `x.permute(0, 3, 1, 2)`" in caution


class Stream:
    """A loader that is neither a DataLoader nor has a length."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for size in (3, 2):
            yield torch.rand(size, 7), torch.full((size,), size)


class Streamed(Mine):
    def train_dataloader(self) -> Any:
        return Stream()


def test_loaders_without_length() -> None:
    info = describe(Streamed())
    assert (info.num_classes, info.input_shape, info.num_train) == (4, (7,), 5)


class Weighted(Mine):
    def setup(self, stage: str) -> None:
        self.data = TensorDataset(self.x, self.y, torch.ones(12))


def test_a_third_tensor_is_the_users_and_not_ignored() -> None:
    with pytest.raises(DataError, match=r"\(x, y\), got a list of 3: .* does not use the others"):
        describe(Weighted())


LABELS = torch.arange(12) % 4


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (None, LABELS - 1, "labels must be 0 to 2 .* got -1 to 2"),
        (None, LABELS.float(), r"int64 class numbers .* got torch\.float32"),
        (None, torch.eye(4, dtype=torch.int64)[LABELS], r"of shape \(5,\), got .* \(5, 4\)"),
        (torch.full((12, 3), torch.nan), LABELS, "without NaN or infinity.* with such values"),
        (torch.zeros(12, 3, dtype=torch.uint8), LABELS, "floating-point .*got torch.uint8"),
        (torch.zeros(0, 3), LABELS[:0], r"train_dataloader\(\) yields no batches"),
    ],
)
def test_wrong_batches(x: Tensor | None, y: Tensor, message: str) -> None:
    with pytest.raises(DataError, match=message):
        describe(Mine(x, y))


def test_labels_beyond_the_given_number() -> None:
    module: Any = Mine()
    module.num_classes = 3
    with pytest.raises(DataError, match="labels must be 0 to 2 as there are 3 classes, got 0 to 3"):
        describe(module)


class Mapped(Mine):
    def val_dataloader(self) -> Any:
        return [{"x": self.x, "y": self.y}].__iter__()


class Several(Mine):
    def val_dataloader(self) -> Any:
        return [DataLoader(self.data), DataLoader(self.data)]


class Untrained(LightningDataModule):
    def val_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.rand(3, 2), torch.arange(3)))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Mapped(), r"batches must be tensors \(x, y\), got a dict with x, y"),
        (Several(), r"Several\.val_dataloader\(\) must return one loader, got list"),
        (Untrained(), r"Untrained must have train_dataloader\(\)"),
        (torch.nn.ReLU(), "data must be a LightningDataModule, got ReLU"),
    ],
)
def test_wrong_modules(module: LightningDataModule, message: str) -> None:
    with pytest.raises(DataError, match=message):
        describe(module)
