"""A user's images and masks of the same names in two folders, for segmentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torchvision.datasets.folder import IMG_EXTENSIONS

from paretoprune.config.values import Positive
from paretoprune.data.augment import Augmentation
from paretoprune.data.image_tensors import ImageTensors
from paretoprune.data.labelled import LabelledImages
from paretoprune.data.normalise import choose_normalisation
from paretoprune.errors import DataError
from paretoprune.results import DataInfo

_NO_CLASS = 255  # label of pixels without a class, as in PASCAL VOC
_FEWEST = 5  # images, for three parts of 60 / 20 / 20 percent
_ONE_NUMBER = ("L", "P", "I", "I;16", "1")  # modes of images with one number for each pixel
_GREY = ("L", "1")


def mask_folders(
    *,
    images: str,
    masks: str,
    size: Positive | None = None,
    num_classes: Positive | None = None,
    split_seed: int = 0,
    batch_size: Positive = 16,
    seed: int = 0,
) -> ImageTensors:
    """Return images with a class for each pixel, split 60 / 20 / 20 percent at random.

    Each file of `images` has a file in `masks` with the same name but for its ending, of the same
    height and width: grey or indexed, its values are the numbers of classes, and 255 is for pixels
    without one. With `size` both are resized to (size, size), masks without mixing classes; without
    it all files have one size. Without `num_classes` it is one more than the largest number.
    All are held in memory.

    Raises:
        DataError: a folder or a mask is missing, or a file is not as described.
    """
    pairs = _pairs(Path(images), Path(masks))
    whole = _read_all(pairs, size)
    classes = _num_classes(whole, [mask for _, mask in pairs], num_classes)
    order = np.random.default_rng((split_seed, 4)).permutation(len(whole))
    fifth = round(0.2 * len(whole))
    test, validation, train = (whole.take(rows) for rows in np.split(order, [fifth, 2 * fifth]))
    return ImageTensors(
        train,
        validation,
        test,
        info=DataInfo(
            num_classes=classes,
            input_shape=(whole.images.shape[-1], *whole.labels.shape[1:]),
            num_train=len(train),
            num_validation=len(validation),
            num_test=len(test),
            split=f"60 / 20 / 20 percent of the images, drawn at random (split seed {split_seed})",
        ),
        normalisation=choose_normalisation(train.images, None, None),
        augmentation=Augmentation(),
        batch_size=batch_size,
        seed=seed,
    )


def _read_all(pairs: list[tuple[Path, Path]], size: int | None) -> LabelledImages:
    """Return all images and masks, which must have one size."""
    is_grey = all(_opened(image).mode in _GREY for image, _ in pairs)
    read = [_read(image, mask, size, is_grey) for image, mask in pairs]
    first = read[0][1].shape
    for (image, _), (_, labels) in zip(pairs, read, strict=True):
        if labels.shape != first:
            raise DataError(
                f"{image} has {_size(labels.shape)} pixels, {pairs[0][0]} has {_size(first)}; "
                "resize all to one size by `data.size=128`"
            )
    return LabelledImages(
        torch.from_numpy(np.stack([pixels for pixels, _ in read])),
        torch.from_numpy(np.stack([labels for _, labels in read])),
    )


def _pairs(images: Path, masks: Path) -> list[tuple[Path, Path]]:
    """Return the files of images with those of their masks, in the order of their names."""
    found, known = _files(images, "data.images"), _files(masks, "data.masks")
    for missing, place, other in (
        (found.keys() - known.keys(), masks, found),
        (known.keys() - found.keys(), images, known),
    ):
        if missing:
            names = ", ".join(other[name].name for name in sorted(missing)[:3])
            raise DataError(
                f"`{place}` has no file for {len(missing)} of the files: {names}; images and masks "
                "have the same names but for their endings"
            )
    if len(found) < _FEWEST:
        raise DataError(f"`data.images={images}` has {len(found)} images, and {_FEWEST} are needed")
    return [(found[name], known[name]) for name in sorted(found)]


def _files(folder: Path, setting: str) -> dict[str, Path]:
    if not folder.is_dir():
        problem = "is a file" if folder.is_file() else "is missing"
        raise DataError(f"`{setting}={folder}` {problem}, and must be a folder of images")
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in IMG_EXTENSIONS:
            continue
        if file.stem in found:
            raise DataError(f"{found[file.stem]} and {file} have the same name; remove one of them")
        found[file.stem] = file
    if not found:
        raise DataError(f"`{setting}={folder}` holds no image files ({', '.join(IMG_EXTENSIONS)})")
    return found


def _opened(file: Path) -> Image.Image:
    try:
        with Image.open(file) as picture:
            picture.load()
            return picture
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{file} cannot be read as an image; repair or remove the file") from error


def _read(
    image: Path, mask: Path, size: int | None, is_grey: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels (H, W, C) uint8 and the labels (H, W) int64 of a pair."""
    picture, labels = _opened(image).convert("L" if is_grey else "RGB"), _opened(mask)
    if labels.mode not in _ONE_NUMBER:
        raise DataError(
            f"{mask} must have one number for each pixel, the class, and is a picture of mode "
            f"{labels.mode}; save it as a grey or indexed PNG whose values are 0, 1, 2 ..."
        )
    if mask.suffix.lower() in (".jpg", ".jpeg"):
        raise DataError(f"{mask} is a JPEG, which changes the numbers of classes; save it as PNG")
    if picture.size != labels.size:
        raise DataError(
            f"{mask} has {labels.width} x {labels.height} pixels, and its image {image} has "
            f"{picture.width} x {picture.height}; a mask has the size of its image"
        )
    if size:
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
        labels = labels.resize((size, size), Image.Resampling.NEAREST)
    pixels = np.array(picture)
    return pixels.reshape(*pixels.shape[:2], -1), np.array(labels).astype(np.int64)


def _num_classes(whole: LabelledImages, masks: list[Path], stated: int | None) -> int:
    """Return the number of classes; refuse labels beyond it, and masks that name one class."""
    largest = whole.labels.masked_fill(whole.labels == _NO_CLASS, -1).flatten(1).amax(1)
    count = stated or int(largest.max()) + 1
    if (beyond := largest >= count).any() or int(whole.labels.min()) < 0:
        row = int(beyond.int().argmax())
        raise DataError(
            f"{masks[row]} has the label {int(largest[row])}, and labels are 0 to {count - 1}, or "
            f"{_NO_CLASS} for pixels without a class, as `data.num_classes={count}`"
        )
    if count < 2:
        raise DataError(
            f"all masks hold the label 0 alone (and {_NO_CLASS}, which is for pixels without a "
            "class); a segmentation needs two classes: number them 0, 1, 2 ..."
        )
    return count


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
