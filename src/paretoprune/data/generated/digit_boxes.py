"""Scenes of handwritten digits with the box of each digit, without download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from paretoprune.config.values import Positive
from paretoprune.data.generated.digit_scenes import Scenes, scene_parts

Sample = tuple[Tensor, dict[str, Tensor]]


class DigitBoxes(LightningDataModule):
    """Images (1, size, size) in 0 to 1, and dicts with boxes (digits, 4) and labels 1 + digit."""

    num_classes = 11  # with the background

    def __init__(
        self,
        *,
        size: int = 48,
        digits: Positive = 3,
        num_images: Positive = 500,
        split_seed: int = 0,
        batch_size: Positive = 32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._batch_size, self._seed = batch_size, seed
        found = scene_parts(size=size, digits=digits, num_images=num_images, seed=split_seed)
        self._train, self._validation, self._test = (_samples(scenes) for scenes in found)

    def train_dataloader(self) -> DataLoader[Any]:
        """The training scenes, shuffled; a smaller last batch is left out."""
        generator = torch.Generator().manual_seed(self._seed)
        return DataLoader(
            self._train,  # type: ignore[arg-type]
            self._batch_size,
            shuffle=True,
            generator=generator,
            collate_fn=_collated,
            drop_last=True,
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation scenes."""
        return DataLoader(self._validation, self._batch_size, collate_fn=_collated)  # type: ignore[arg-type]

    def test_dataloader(self) -> DataLoader[Any]:
        """The test scenes."""
        return DataLoader(self._test, self._batch_size, collate_fn=_collated)  # type: ignore[arg-type]


def digit_boxes(
    *,
    size: int = 48,
    digits: Positive = 3,
    num_images: Positive = 500,
    split_seed: int = 0,
    batch_size: Positive = 32,
    seed: int = 0,
    pretrained: bool = False,
) -> DigitBoxes:
    """Return scenes with the box and the class of each digit, split 60 / 20 / 20 percent.

    `pretrained` changes nothing: no weights have seen these scenes.

    Raises:
        SettingsError: a scene has too few pixels for its digits, or a part has no scene.
    """
    return DigitBoxes(
        size=size,
        digits=digits,
        num_images=num_images,
        split_seed=split_seed,
        batch_size=batch_size,
        seed=seed,
    )


def _samples(scenes: Scenes) -> list[Sample]:
    return [
        (
            torch.from_numpy(image).float()[None] / 255,
            {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels)},
        )
        for image, boxes, labels in zip(scenes.images, scenes.boxes, scenes.labels, strict=True)
    ]


def _collated(samples: Sequence[Sample]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*samples, strict=True))
