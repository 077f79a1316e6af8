"""Data module for image sets that fit into memory: three parts as tensors, on any device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from lightning import LightningDataModule

from paretoprune.data.augment import Augmentation
from paretoprune.data.labelled import LabelledImages, check_label_range, check_no_class_is_empty
from paretoprune.data.loaders import OrderedLoader, TrainLoader
from paretoprune.data.normalise import Normalisation, Normaliser, choose_normalisation
from paretoprune.data.split import Official, Split, SplitSettings, make_split
from paretoprune.errors import DataError
from paretoprune.results import DataInfo, Preprocessing

_ORDERED_BATCH_SIZE = 512


class ImageTensors(LightningDataModule):
    """Images in memory. Every new loader starts anew: equal loaders give equal batches."""

    def __init__(
        self,
        train: LabelledImages,
        validation: LabelledImages,
        test: LabelledImages,
        *,
        info: DataInfo,
        normalisation: Normalisation,
        augmentation: Augmentation,
        batch_size: int,
        seed: int,
        channel_order: str = "RGB",
    ) -> None:
        super().__init__()
        self.info = info
        self.normalisation = normalisation
        self.preprocessing = Preprocessing(
            scale=255.0 if train.images.dtype == torch.uint8 else 1.0,
            mean=normalisation.mean,
            std=normalisation.std,
            channel_order="grey" if info.input_shape[0] == 1 else channel_order,
        )
        self.augmentation = augmentation
        self.batch_size = batch_size
        self.seed = seed
        self._train, self._validation, self._test = train, validation, test

    def train_dataloader(self) -> TrainLoader:
        return TrainLoader(
            self._train,
            Normaliser(self.normalisation, self._train.images),
            self.augmentation,
            batch_size=self.batch_size,
            seed=self.seed,
        )

    def val_dataloader(self) -> OrderedLoader:
        return self._ordered(self._validation)

    def test_dataloader(self) -> OrderedLoader:
        return self._ordered(self._test)

    @property
    def parts(self) -> tuple[LabelledImages, LabelledImages, LabelledImages]:
        """The training, validation and test samples."""
        return self._train, self._validation, self._test

    def move_to(self, device: torch.device | str) -> None:
        """Move all images to `device`; existing loaders keep the former device."""
        self._train = self._train.to(device)
        self._validation = self._validation.to(device)
        self._test = self._test.to(device)

    def _ordered(self, part: LabelledImages) -> OrderedLoader:
        normaliser = Normaliser(self.normalisation, part.images)
        return OrderedLoader(part, normaliser, batch_size=_ORDERED_BATCH_SIZE)


def to_device(datamodule: LightningDataModule, device: torch.device | str) -> None:
    """Move an in-memory set to `device`, so that batches need no copying; ignore others."""
    if isinstance(datamodule, ImageTensors):
        datamodule.move_to(device)


def image_tensors(
    official: Mapping[Official, LabelledImages],
    *,
    class_names: tuple[str, ...] | None = None,
    split: SplitSettings,
    augmentation: Augmentation,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    batch_size: int,
    seed: int,
    channel_order: str = "RGB",
) -> ImageTensors:
    """Check the official parts of a set, split off missing parts, and build the data module.

    Without `class_names` the classes are those of the training labels.

    Raises:
        DataError: the parts do not match.
        SettingsError: the settings do not fit the images.
    """
    labels = {name: part.labels.numpy() for name, part in official.items()}
    if class_names is None:
        class_names = tuple(str(number) for number in range(int(labels["train"].max()) + 1))
    _check(official, class_names)
    chosen = make_split(labels, split)
    train, validation, test = (
        official[part.official].take(part.indices)
        for part in (chosen.train, chosen.validation, chosen.test)
    )
    check_no_class_is_empty(train.labels.numpy(), class_names)
    return ImageTensors(
        train,
        validation,
        test,
        info=_describe(train, len(validation), len(test), chosen, class_names),
        normalisation=choose_normalisation(train.images, mean, std),
        augmentation=augmentation,
        batch_size=batch_size,
        seed=seed,
        channel_order=channel_order,
    )


def _describe(
    train: LabelledImages,
    num_validation: int,
    num_test: int,
    split: Split,
    class_names: tuple[str, ...],
) -> DataInfo:
    _, height, width, channels = train.images.shape
    return DataInfo(
        num_classes=len(class_names),
        input_shape=(channels, height, width),
        num_train=len(train),
        num_validation=num_validation,
        num_test=num_test,
        split=split.sentence,
        caution=split.caution,
        class_names=class_names,
    )


def _check(official: Mapping[Official, LabelledImages], class_names: tuple[str, ...]) -> None:
    expected = official["train"].images
    for name, part in official.items():
        check_label_range(part.labels.numpy(), len(class_names), where=f"{name} part")
        if part.images.shape[1:] != expected.shape[1:] or part.images.dtype != expected.dtype:
            raise DataError(
                f"{name} part: images must be as in the training part, "
                f"{tuple(expected.shape[1:])} of {expected.dtype}, "
                f"got {tuple(part.images.shape[1:])} of {part.images.dtype}"
            )
