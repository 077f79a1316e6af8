"""Mistakes of a user's first hour: commands, the files that they find, and the messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

Files = Callable[[Path], None]
NET = """
from torch import nn


class MyNet(nn.Module):
    def __init__(self, num_classes, in_channels=3, width=8):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(width, num_classes),
        )

    def forward(self, x):
        return self.layers(x)
"""
_NPZ = "train data=npz data.path=d.npz"
_FOLDERS = "train data=imagefolder data.root=my data.size=16"
_OWN = f"{_NPZ} model=own model._target_=my_net.MyNet"


def npz(labels: object, **arrays: object) -> Files:
    """Return what writes images with these labels; `arrays` replace some."""
    y = np.asarray(labels)
    x = np.random.default_rng(0).integers(0, 255, (len(y), 8, 8), dtype=np.uint8)

    def write(folder: Path) -> None:
        np.savez(folder / "d.npz", **{"x_train": x, "y_train": y, **arrays})
        (folder / "my_net.py").write_text(NET)

    return write


def pictures(*parts: str, number: int = 8) -> Files:
    """Return what writes images into these folders under `my`."""

    def write(folder: Path) -> None:
        for part in parts:
            (folder / "my" / part).mkdir(parents=True)
            for index in range(number):
                pixels = np.full((16, 16, 3), index, dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "my" / part / f"{index}.png")

    return write


def nothing(folder: Path) -> None:
    """Write no files."""


def _touch(name: str) -> Files:
    return lambda folder: (folder / name).touch()


RIGHT = npz(np.arange(40) % 4)
IMAGES = np.zeros((40, 8, 8, 3), np.uint8)
# The list of section 4 of the issue about the first hour: command, files, a part of the answer.
LISTED: tuple[tuple[str, Files, str], ...] = (
    ("train finetune.epochs = 5", nothing, "write `finetune.epochs=5`, no spaces"),
    (_NPZ, npz(["cat", "dog"] * 20), "np.unique(labels, return_inverse=True)"),
    (_NPZ, npz(np.arange(40) % 4 + 1), "where labels are counted from 1, subtract 1"),
    (_NPZ, npz(np.arange(40) % 4 * 2), "np.unique(labels, return_inverse=True)"),
    (_FOLDERS, pictures("train"), "move the images of each class to a folder of its name"),
    ("train data=npz data.path=my", pictures("train/a"), "my is a folder, and must be an .npz"),
    ("train model.weights=.", nothing, "weights . are a folder, and must be a file"),
    (_FOLDERS, pictures("train/cat", "train/dog", "val/Cat"), "rename Cat as cat"),
    (_OWN.replace("MyNet", "mynet") + " trust=[my_net]", RIGHT, "mean `my_net.MyNet`?"),
    (_NPZ, npz([0, 1, 0]), "of 2 samples is too small to split off 1"),
    ("train models=resnet20", nothing, "did you mean `model`?"),
    ("train model.weights=", nothing, "or write `model.weights=null` for none"),
    (f"{_OWN} trust=my_net seed=x", RIGHT, "`seed` must be a whole number"),
    ("train epochs=5", nothing, "did you mean `model.train.epochs` or"),
    ("train model=resnet50", nothing, "write `model=torchvision model.name=resnet50`"),
    ("train +sweep=resnet search.objectives.latency=minimize", nothing, "mean `latency_ms`?"),
    ("train +sweep=resnet search.objectives.latency=", nothing, "latency=minimize` or"),
    ("train device=cuda:0", nothing, "CUDA_VISIBLE_DEVICES=0, with `device=cuda`"),
    ("train sparsity.max_size_bytes=50kb seed=x", nothing, "`seed` must be a whole number"),
    ("train sparsity.ratio=50% seed=x", nothing, "`seed` must be a whole number"),
    ("inspect", _touch(".cache"), "`cache_dir=.cache`: "),
    ("train --shell-completion", nothing, "`--shell-completion` is no option of this command"),
)
# More of the same kinds, about data.
OF_DATA: tuple[tuple[str, Files, str], ...] = (
    (_NPZ, npz(np.arange(40).reshape(40, 1) % 4), "write `labels.ravel()`"),
    (_NPZ, npz(np.eye(4)[np.arange(40) % 4]), "`labels.argmax(1)` if they are one-hot"),
    (_NPZ, npz([0.0, np.nan] * 20), "got NaN; remove these samples"),
    (_NPZ, npz([True, False] * 20), "got bool; convert them with `labels.astype(np.int64)`"),
    (_NPZ, npz(np.arange(40) % 4 - 1), "labels must be counted from 0, got -1"),
    (_NPZ, npz(np.zeros(40, int)), "a classifier needs at least two classes"),
    (_NPZ, npz(np.arange(40) % 4, class_names=["a", "b"]), "as there are 2 classes, got 3"),
    (_NPZ, npz(np.arange(40) % 4, x_train=IMAGES.astype(float)), "`images.transpose(0, 3, 1, 2)`"),
    (_NPZ, npz(np.arange(40) % 4, x_train=IMAGES[..., 0].astype(int)), "`images.astype(np.uint8)`"),
    (_NPZ, npz([]), "there are no images, got an array of shape (0, 8, 8)"),
    (_NPZ, lambda folder: np.savez(folder / "d.npz", a=IMAGES), "save it with these names"),
    ("train data=npz data.path=d", RIGHT, "did you mean d.npz?"),
    ("train data=imagefolder data.root=d.npz", RIGHT, "`data.root=d.npz` is a file"),
    ("train data=imagefolder data.root=none", nothing, "`data.root=none` is missing"),
    (_FOLDERS, pictures("cat", "dog"), "move the folders of the classes (cat, dog ...) into my/"),
    (_FOLDERS, pictures("Train/cat", "Train/dog"), "rename my/Train as train"),
    (
        "train data=imagefolder data.root=my/train",
        pictures("train/cat", "train/dog"),
        "write `data.root=my`, the folder above train/",
    ),
    (
        _FOLDERS,
        pictures("train/cat", "train/dog", "val"),
        "each class to a folder of its name, my/",
    ),
    (f"{_FOLDERS} data.size=0", pictures("train/cat", "train/dog"), "`data.size` must be greater"),
    (f"{_OWN} trust=[my_net.MyNet]", RIGHT, "write `trust=[my_net]`"),
)
