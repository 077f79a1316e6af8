"""Image files in one folder per class, divided into training, validation and test parts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torchvision.datasets.folder import IMG_EXTENSIONS, make_dataset

from paretoprune.config.name_patterns import closest
from paretoprune.config.values import Index, Positive
from paretoprune.data.image_files import ImageFiles, Samples
from paretoprune.data.labelled import check_no_class_is_empty
from paretoprune.data.split import Official, SplitSettings, make_split
from paretoprune.errors import DataError, SettingsError
from paretoprune.results import DataInfo

_MOST_WORKERS = 4
_FOLDERS: dict[Official, str] = {"train": "train", "validation": "val", "test": "test"}


def imagefolder(
    root: str | None = None,
    *,
    size: Positive = 224,
    workers: Index | None = None,
    mean: Sequence[float] = (0.485, 0.456, 0.406),
    std: Sequence[float] = (0.229, 0.224, 0.225),
    validation_from: str = "auto",
    validation_share: float = 0.1,
    test_from: str = "auto",
    test_share: float = 0.2,
    max_train: int | None = None,
    max_test: int | None = None,
    split_seed: int = 0,
    batch_size: Positive = 64,
    seed: int = 0,
    pretrained: bool = False,
) -> ImageFiles:
    """Return the images under root/train/CLASS, and if present root/val and root/test.

    A missing part is split off. `workers` is the number of processes that read files; None is one
    per CPU, at most 4.

    Raises:
        DataError: a folder is missing, or a class is empty.
        SettingsError: `root`, `mean` or `std` are missing or invalid.
    """
    if not root:
        raise SettingsError(["`data=imagefolder` needs `data.root`, the folder that has train/"])
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise SettingsError(["`data.mean` and `data.std` must be 3 numbers each, `std` above 0"])
    settings = SplitSettings(
        validation_from=validation_from,
        validation_share=validation_share,
        test_from=test_from,
        test_share=test_share,
        max_train=max_train,
        max_test=max_test,
        seed=split_seed,
        pretrained=pretrained,
        clean_part="in a folder test/ under `data.root`",
    )
    samples, info = _find(Path(root), size, settings)
    return ImageFiles(
        samples,
        info=info,
        mean=mean,
        std=std,
        batch_size=batch_size,
        seed=seed,
        workers=min(_MOST_WORKERS, _num_cpus()) if workers is None else workers,
    )


def _num_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _find(root: Path, size: int, settings: SplitSettings) -> tuple[dict[str, Samples], DataInfo]:
    """Return the samples of "train", "validation" and "test", and their properties."""
    class_names = _class_names(root / "train")
    official = _official(root, class_names)
    split = make_split({part: _labels(found) for part, found in official.items()}, settings)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    samples = {
        name: [official[part.official][index] for index in part.indices]
        for name, part in parts.items()
    }
    check_no_class_is_empty(_labels(samples["train"]), class_names)
    info = DataInfo(
        num_classes=len(class_names),
        input_shape=(3, size, size),
        num_train=len(samples["train"]),
        num_validation=len(samples["validation"]),
        num_test=len(samples["test"]),
        split=split.sentence,
        caution=split.caution,
        class_names=class_names,
    )
    return samples, info


def _class_names(train: Path) -> tuple[str, ...]:
    root = train.parent
    if not root.is_dir():
        problem = "is a file" if root.is_file() else "is missing"
        raise DataError(f"`data.root={root}` {problem}, and must be the folder that has train/")
    if not train.is_dir():
        raise DataError(f"`data.root={root}` must have a folder train/CLASS; {_advice(root)}")
    if names := _subfolders(train):
        return tuple(names)
    _refuse_files_alone(train)
    raise DataError(f"{train} is empty, and must hold a folder of images for each class")


def _advice(root: Path) -> str:
    """Return what to do with a root that has no train/, by the folders that it has."""
    folders = _subfolders(root)
    if root.name in _FOLDERS.values():
        return f"write `data.root={root.parent}`, the folder above {root.name}/"
    near = closest("train", folders)
    if near or "training" in folders:
        return f"rename {root / (near or 'training')} as train"
    if folders:
        return f"move the folders of the classes ({', '.join(folders[:3])} ...) into {root}/train"
    return f"put the images of each class into a folder of its name, {root}/train/CLASS"


def _refuse_files_alone(folder: Path) -> None:
    """Raises DataError for images that lie beside no folders of classes."""
    if not _subfolders(folder) and any(folder.iterdir()):
        raise DataError(
            f"{folder} holds files and no folders; move the images of each class to a folder of "
            f"its name, {folder}/CLASS"
        )


def _subfolders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())


def _official(root: Path, class_names: tuple[str, ...]) -> dict[Official, Samples]:
    numbers = {name: number for number, name in enumerate(class_names)}
    official: dict[Official, Samples] = {}
    for part, name in _FOLDERS.items():
        folder = root / name
        if not folder.is_dir():
            continue
        unknown = [entry for entry in _subfolders(folder) if entry not in numbers]
        if unknown:
            raise DataError(
                f"{folder} has classes that {root / 'train'} lacks: {', '.join(unknown)}"
                f"{_in_other_case(unknown, class_names)}"
            )
        found = make_dataset(folder, numbers, extensions=IMG_EXTENSIONS, allow_empty=True)
        if not found:
            _refuse_files_alone(folder)
            raise DataError(f"{folder} holds no image files ({', '.join(IMG_EXTENSIONS)})")
        official[part] = found
    return official


def _in_other_case(unknown: Sequence[str], class_names: Sequence[str]) -> str:
    same = {name.lower(): name for name in class_names}
    pairs = [f"{name} as {same[name.lower()]}" for name in unknown if name.lower() in same]
    return f"; rename {', '.join(pairs)}: upper and lower case count" if pairs else ""


def _labels(samples: Samples) -> np.ndarray:
    return np.array([label for _, label in samples])
