"""Images stored as lossless WebP strips in an .npz file: many small images in one compressed one.

Keys: `webp`, the concatenated bytes of all strips (uint8); `offsets`, the start of each strip and
the end of the last one (int64, one more than strips); `labels`, one per image; `size`, the images'
height and width in pixels; `classes`, the names (optional). A strip is an RGB image of (n * size,
size): n images stacked vertically.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from io import BytesIO

import numpy as np
from PIL import Image

from paretoprune.errors import DataError

_KEYS = {"webp", "offsets", "labels", "size"}


def is_strips(arrays: Mapping[str, np.ndarray]) -> bool:
    """Return True if the arrays of a file are in this format."""
    return arrays.keys() >= _KEYS


def decode_strips(
    arrays: Mapping[str, np.ndarray], *, where: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...] | None]:
    """Return images (N, size, size, 3) uint8, labels (N,), and the class names, if present.

    Raises:
        DataError: the strips are damaged or do not hold one image per label.
    """
    size, offsets, data = int(arrays["size"]), arrays["offsets"], arrays["webp"]
    if offsets[0] != 0 or offsets[-1] != len(data) or (np.diff(offsets) <= 0).any():
        raise DataError(
            f"{where}: offsets must rise from 0 to the {len(data)} bytes of webp; "
            "the file is damaged, fetch or save it again"
        )
    bounds = itertools.pairwise(offsets)
    strips = [_decode(data[start:end].tobytes(), size, where) for start, end in bounds]
    images = np.concatenate(strips)
    if len(images) != len(arrays["labels"]):
        raise DataError(
            f"{where}: must hold one image per label, got {len(images)} images and "
            f"{len(arrays['labels'])} labels"
        )
    names = arrays.get("classes")
    return images, arrays["labels"], None if names is None else tuple(str(name) for name in names)


def _decode(content: bytes, size: int, where: str) -> np.ndarray:
    try:
        with Image.open(BytesIO(content), formats=["WEBP"]) as picture:
            strip = np.asarray(picture.convert("RGB"))
    except (OSError, KeyError) as error:  # KeyError: a Pillow that was built without WebP
        raise DataError(
            f"{where}: a WebP strip cannot be decoded ({error}); fetch the file again, and check "
            "that Pillow reads WebP: `python -m PIL`"
        ) from error
    height, width, _ = strip.shape
    if width != size or height % size:
        raise DataError(
            f"{where}: strips must be {size} wide and a multiple of {size} high, "
            f"got {width} wide and {height} high"
        )
    return strip.reshape(-1, size, size, 3)
