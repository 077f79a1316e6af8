"""Safe reading of arrays from .npz files, and conversion of images to channels last."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from paretoprune.config.name_patterns import closest
from paretoprune.data.labelled import LabelledImages
from paretoprune.errors import DataError


def read_arrays(path: Path, *, required: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Return all arrays of an .npz file by key. Never runs pickled code.

    Raises:
        DataError: the file is missing, damaged, of another kind, or lacks a required key.
    """
    if path.is_dir():
        raise DataError(
            f"{path} is a folder, and must be an .npz file; for folders of image files, "
            "`data=imagefolder data.root=FOLDER`"
        )
    if not path.is_file():
        near = closest(path.stem, sorted(one.stem for one in path.parent.glob("*.npz")))
        hint = f"; did you mean {path.parent / near}.npz?" if near else ""
        raise DataError(f"{path} is missing: there is no such file{hint}")
    if not zipfile.is_zipfile(path):
        raise DataError(
            f"{path} is not an .npz archive, or is truncated; save it again with `numpy.savez`"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in required if key not in archive.files]
            if missing:
                raise DataError(
                    f"{path} lacks {', '.join(missing)}, got {', '.join(archive.files)}"
                    f"{_in_other_case(missing, archive.files) or '; save it with these names'}"
                )
            return {key: _array(archive, key, path) for key in archive.files}
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is damaged ({error}); fetch or save it again") from error


def _in_other_case(missing: Sequence[str], found: Sequence[str]) -> str:
    others = [name for name in found if name.lower() in missing]
    return f"; write {', '.join(others)} in lower case" if others else ""


def _array(archive: np.lib.npyio.NpzFile, key: str, path: Path) -> np.ndarray:
    try:
        array: np.ndarray = archive[key]
    except ValueError as error:
        raise DataError(
            f"{path}, {key}: must be a plain array of numbers or strings, not of Python objects; "
            "images must all be of one size"
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path}, {key}: is damaged ({error}); fetch or save it again") from error
    return array


def channels_last(images: np.ndarray, *, where: str) -> np.ndarray:
    """Convert float images (N, C, H, W) to (N, H, W, C); keep uint8 and (N, H, W) ones.

    Raises:
        DataError: the axes are evidently in another order.
    """
    if images.ndim != 4:
        return images
    is_bytes = images.dtype == np.uint8
    channels, other = (3, 1) if is_bytes else (1, 3)
    if images.shape[channels] > 4 and images.shape[other] in (1, 3):
        kind, order, axes = (
            ("uint8", "(N, H, W, C)", (0, 2, 3, 1))
            if is_bytes
            else ("float", "(N, C, H, W)", (0, 3, 1, 2))
        )
        raise DataError(
            f"{where}: {kind} images must be {order}, got {images.shape}; write "
            f"`images.transpose{axes}`"
        )
    return images if is_bytes else images.transpose(0, 2, 3, 1)


def joined(parts: Sequence[LabelledImages], *, where: str) -> LabelledImages:
    """Concatenate the samples of several files.

    Raises:
        DataError: their images differ in size or dtype.
    """
    kinds = {(tuple(part.images.shape[1:]), part.images.dtype) for part in parts}
    if len(kinds) > 1:
        described = " and ".join(sorted(f"{shape} of {dtype}" for shape, dtype in kinds))
        raise DataError(f"{where}: images must be of one size and type in all files: {described}")
    if len(parts) == 1:
        return parts[0]
    return LabelledImages(
        torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts])
    )
