"""The user's own images as NumPy archives: one file with all parts, or files for each part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from paretoprune.config.values import Positive
from paretoprune.data.augment import Augmentation
from paretoprune.data.image_tensors import ImageTensors, image_tensors
from paretoprune.data.labelled import LabelledImages, labelled_images
from paretoprune.data.npz_arrays import channels_last, joined, read_arrays
from paretoprune.data.npz_strips import decode_strips, is_strips
from paretoprune.data.split import Official, SplitSettings
from paretoprune.errors import DataError, SettingsError

_Parts = dict[Official, LabelledImages]
_Names = tuple[str, ...] | None
_SUFFIXES: dict[Official, str] = {"train": "train", "validation": "val", "test": "test"}


def npz(
    *,
    path: str | None = None,
    train: str | Sequence[str] = (),
    validation: str | Sequence[str] = (),
    test: str | Sequence[str] = (),
    validation_from: str = "auto",
    validation_share: float = 0.1,
    test_from: str = "auto",
    test_share: float = 0.2,
    max_train: int | None = None,
    max_test: int | None = None,
    split_seed: int = 0,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    shift: int = 0,
    flip: bool = False,
    views: Positive = 8,
    batch_size: Positive = 64,
    seed: int = 0,
    pretrained: bool = False,
) -> ImageTensors:
    """Return images from .npz files, which are opened without pickle.

    Either `path`, one file with x_train, y_train and optionally x_val, y_val, x_test, y_test; or
    for each part one or several files with x and y, or WebP strips (npz_strips.py). The key
    class_names is optional. Images are uint8 (N, H, W) or (N, H, W, C), or float (N, H, W) or (N,
    C, H, W); labels are integers (N,) counted from 0. A missing validation or test part is split
    off.

    Raises:
        DataError: a file is missing or damaged, or has other contents.
        SettingsError: neither or both of `path` and `train` are given.
    """
    official, class_names = _read(path, train=train, validation=validation, test=test)
    return image_tensors(
        official,
        class_names=class_names,
        split=SplitSettings(
            validation_from=validation_from,
            validation_share=validation_share,
            test_from=test_from,
            test_share=test_share,
            max_train=max_train,
            max_test=max_test,
            seed=split_seed,
            pretrained=pretrained,
            clean_part="as `data.test`, or as x_test and y_test in `data.path`",
        ),
        augmentation=Augmentation(shift=shift, flip=flip, views=views),
        mean=mean,
        std=std,
        batch_size=batch_size,
        seed=seed,
        channel_order="as in the arrays that the model was trained with",
    )


def _read(
    path: str | None,
    *,
    train: str | Sequence[str],
    validation: str | Sequence[str],
    test: str | Sequence[str],
) -> tuple[_Parts, _Names]:
    if (path and (train or validation or test)) or not (path or train):
        raise SettingsError(
            [
                "`data=npz` needs either `data.path`, one file with all parts, or `data.train`, "
                "with `data.validation` and `data.test` if there are such files"
            ]
        )
    if path:
        return _one_file(Path(path))
    return _files_by_part({"train": train, "validation": validation, "test": test})


def _one_file(path: Path) -> tuple[_Parts, _Names]:
    arrays = read_arrays(path, required=("x_train", "y_train"))
    official: _Parts = {}
    for part, suffix in _SUFFIXES.items():
        keys = {f"x_{suffix}", f"y_{suffix}"}
        missing = keys - arrays.keys()
        if missing == keys:
            continue
        if missing:
            raise DataError(f"{path} must hold both or neither of {' and '.join(sorted(keys))}")
        images, labels = arrays[f"x_{suffix}"], arrays[f"y_{suffix}"]
        where = f"{path}, x_{suffix} and y_{suffix}"
        official[part] = labelled_images(channels_last(images, where=where), labels, where=where)
    return official, _names(arrays)


def _files_by_part(files: dict[Official, str | Sequence[str]]) -> tuple[_Parts, _Names]:
    official: _Parts = {}
    class_names: _Names = None
    for part, names in files.items():
        paths = [names] if isinstance(names, str) else list(names or ())
        read = [_part_file(Path(path)) for path in paths]
        for path, (_, found) in zip(paths, read, strict=True):
            if class_names and found and found != class_names:
                raise DataError(f"{path} names other classes than the files before it: {found}")
            class_names = class_names or found
        if read:
            official[part] = joined([samples for samples, _ in read], where=", ".join(paths))
    return official, class_names


def _part_file(path: Path) -> tuple[LabelledImages, _Names]:
    arrays = read_arrays(path)
    if is_strips(arrays):
        images, labels, class_names = decode_strips(arrays, where=str(path))
        return labelled_images(images, labels, where=str(path)), class_names
    if not {"x", "y"} <= arrays.keys():
        raise DataError(
            f"{path} must hold the arrays x and y, or WebP strips, got {', '.join(sorted(arrays))}"
            "; a file with x_train, y_train ... belongs in `data.path`"
        )
    images = channels_last(arrays["x"], where=f"{path}, x")
    return labelled_images(images, arrays["y"], where=f"{path}, x and y"), _names(arrays)


def _names(arrays: dict[str, np.ndarray]) -> _Names:
    if "class_names" not in arrays:
        return None
    return tuple(str(name) for name in arrays["class_names"].ravel())
