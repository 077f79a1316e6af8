"""Standard image sets of torchvision, which downloads them: CIFAR, MNIST and others."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from torchvision import datasets

from paretoprune.config.values import Positive
from paretoprune.data.augment import Augmentation
from paretoprune.data.image_tensors import ImageTensors, image_tensors
from paretoprune.data.labelled import LabelledImages, labelled_images
from paretoprune.data.split import SplitSettings
from paretoprune.errors import DataError, SettingsError

_SETS: dict[str, Any] = {
    "cifar10": datasets.CIFAR10,
    "cifar100": datasets.CIFAR100,
    "mnist": datasets.MNIST,
    "fashion_mnist": datasets.FashionMNIST,
    "svhn": datasets.SVHN,
}


def torchvision_set(
    name: str,
    *,
    root: str = ".cache/datasets",
    download: bool = True,
    validation_from: str = "auto",
    validation_share: float = 0.1,
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
    """Return cifar10, cifar100, mnist, fashion_mnist or svhn, stored under `root`.

    Raises:
        DataError: it is missing and cannot be downloaded, or is damaged.
        SettingsError: the name is unknown.
    """
    train, class_names = _read(name, root, download=download, train=True)
    test, _ = _read(name, root, download=download, train=False)
    return image_tensors(
        {"train": train, "test": test},
        class_names=class_names,
        split=SplitSettings(
            validation_from=validation_from,
            validation_share=validation_share,
            max_train=max_train,
            max_test=max_test,
            seed=split_seed,
            pretrained=pretrained,
            clean_part="by `data.validation_from=auto`",
        ),
        augmentation=Augmentation(shift=shift, flip=flip, views=views),
        mean=mean,
        std=std,
        batch_size=batch_size,
        seed=seed,
    )


def _read(
    name: str, root: str, *, download: bool, train: bool
) -> tuple[LabelledImages, tuple[str, ...] | None]:
    """Return one official part, and the class names if the set has them."""
    if name not in _SETS:
        raise SettingsError([f"`data.name` must be one of {', '.join(_SETS)}, got {name!r}"])
    part = "train" if train else "test"
    choice = {"split": part} if name == "svhn" else {"train": train}
    folder = Path(root).absolute()
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        dataset = _SETS[name](root, download=download, **choice)
    except Exception as error:  # torchvision's readers fail in many ways on damaged files
        _remove_empty([*sorted(folder.rglob("*"), reverse=True), *missing])
        cause = " ".join(str(error).split()) or type(error).__name__
        online = "delete damaged files" + ("" if download else " and set `data.download=true`")
        raise DataError(
            f"{name} cannot be read from {folder}: {cause}; with a network connection {online}, "
            "without one copy torchvision's files there or set `data.root`"
        ) from error
    images = np.asarray(dataset.data)
    if name == "svhn":
        images = images.transpose(0, 2, 3, 1)
    labels = np.asarray(dataset.labels if name == "svhn" else dataset.targets)
    names = getattr(dataset, "classes", None)
    return labelled_images(images, labels, where=f"{name}, {part} part"), names and tuple(names)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders left empty by a failed download, the innermost first."""
    for folder in folders:
        with suppress(OSError):  # not empty, or a file
            folder.rmdir()
