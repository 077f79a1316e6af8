"""Scenes of handwritten digits on a dark canvas, with exact masks, without download.

The digits are those bundled with scikit-learn, of 8x8 pixels; training, validation and test scenes
are made of different digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits

from paretoprune.config.values import Positive
from paretoprune.data.augment import Augmentation
from paretoprune.data.image_tensors import ImageTensors
from paretoprune.data.labelled import LabelledImages
from paretoprune.data.normalise import choose_normalisation
from paretoprune.errors import SettingsError
from paretoprune.results import DataInfo

_DIGIT = 8  # pixels of a digit
_CELL = 12  # pixels of a cell, in which one digit is placed at random
_INK = 4  # least intensity, of 16, of a pixel that belongs to the digit
_SHARES = (0.6, 0.2, 0.2)  # of the digits and of the scenes
_CLASSES = ("background", *(str(digit) for digit in range(10)))


@dataclass(frozen=True)
class Scenes:
    """Canvases with the class of each pixel, and the boxes and classes of their digits."""

    images: np.ndarray  # (N, size, size) uint8
    masks: np.ndarray  # (N, size, size) int64: 0 for the background, 1 + digit
    boxes: np.ndarray  # (N, digits, 4) float32: x1, y1, x2, y2 in pixels
    labels: np.ndarray  # (N, digits) int64: 1 + digit


def digit_masks(
    *,
    size: int = 24,
    digits: Positive = 3,
    num_images: Positive = 1000,
    split_seed: int = 0,
    batch_size: Positive = 64,
    seed: int = 0,
    pretrained: bool = False,
) -> ImageTensors:
    """Return scenes (1, size, size) with a class for each pixel: the background, or a digit.

    60 / 20 / 20 percent of them are for training, validation and test. `pretrained` changes
    nothing: no weights have seen these scenes.

    Raises:
        SettingsError: a scene has too few pixels for its digits, or a part has no scene.
    """
    parts = [
        LabelledImages(torch.from_numpy(part.images[..., np.newaxis]), torch.from_numpy(part.masks))
        for part in scene_parts(size=size, digits=digits, num_images=num_images, seed=split_seed)
    ]
    train, validation, test = parts
    return ImageTensors(
        *parts,
        info=DataInfo(
            num_classes=len(_CLASSES),
            input_shape=(1, size, size),
            num_train=len(train),
            num_validation=len(validation),
            num_test=len(test),
            split=f"scenes of different digits (split seed {split_seed})",
            class_names=_CLASSES,
        ),
        normalisation=choose_normalisation(train.images, None, None),
        augmentation=Augmentation(),
        batch_size=batch_size,
        seed=seed,
    )


def scene_parts(*, size: int, digits: int, num_images: int, seed: int) -> list[Scenes]:
    """Return training, validation and test scenes, made of different digits.

    Raises:
        SettingsError: a scene has too few pixels for its digits, or a part has no scene.
    """
    cells = (size // _CELL) ** 2
    if digits > cells:
        raise SettingsError(
            [
                f"`data.digits={digits}` needs scenes of {digits} cells of {_CELL} pixels, and "
                f"`data.size={size}` has room for {cells}; set a larger size, or fewer digits"
            ]
        )
    counts = [round(share * num_images) for share in _SHARES]
    if not all(counts):
        raise SettingsError([f"`data.num_images` must be 5 or more, got {num_images}"])
    bundled = load_digits()
    rng = np.random.default_rng(seed)
    ends = np.cumsum([round(share * len(bundled.target)) for share in _SHARES])[:-1]
    pools = np.split(rng.permutation(len(bundled.target)), ends)
    return [
        _scenes(bundled.images[pool], bundled.target[pool], count, size, digits, rng)
        for pool, count in zip(pools, counts, strict=True)
    ]


def _scenes(
    glyphs: np.ndarray,
    classes: np.ndarray,
    count: int,
    size: int,
    digits: int,
    rng: np.random.Generator,
) -> Scenes:
    """Paste digits of glyphs (N, 8, 8) into random cells of `count` canvases."""
    images = np.zeros((count, size, size), np.uint8)
    masks = np.zeros((count, size, size), np.int64)
    boxes = np.zeros((count, digits, 4), np.float32)
    chosen = rng.integers(len(glyphs), size=(count, digits))
    for scene in range(count):
        cells = rng.permutation((size // _CELL) ** 2)[:digits]
        corners = _CELL * np.stack(np.divmod(cells, size // _CELL), 1)
        corners += rng.integers(_CELL - _DIGIT + 1, size=corners.shape)
        for number, (top, left) in enumerate(corners):
            glyph = glyphs[chosen[scene, number]]
            place = (scene, slice(top, top + _DIGIT), slice(left, left + _DIGIT))
            images[place] = np.round(glyph * (255 / 16))
            masks[place] = (glyph >= _INK) * (1 + classes[chosen[scene, number]])
            rows, columns = np.nonzero(glyph >= _INK)
            low, high = (columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)
            boxes[scene, number] = np.add((left, top, left, top), (*low, *high))
    return Scenes(images, masks, boxes, 1 + classes[chosen])
