"""Folders of image files: found, split, decoded and described; wrong ones are reported in words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from paretoprune.data import describe, imagefolder
from paretoprune.errors import DataError, SettingsError
from tests.kits.tasks import CLASSES

COLOURS = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}
UNCHANGED: dict[str, Any] = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def write(root: Path, part: str, num: int, names: tuple[str, ...] = tuple(COLOURS)) -> None:
    """`num` images per class, each of its class's colour."""
    for name in names:
        folder = root / part / name
        folder.mkdir(parents=True)
        for number in range(num):
            Image.new("RGB", (12, 10), COLOURS[name]).save(folder / f"{number}.png")


def colour(labels: torch.Tensor) -> torch.Tensor:
    """Class 0 is blue, which is channel 2, and so on: the alphabet's order."""
    return torch.eye(3)[2 - labels][:, :, None, None]


def test_three_parts(tmp_path: Path) -> None:
    write(tmp_path, "train", 5)
    write(tmp_path, "val", 2)
    write(tmp_path, "test", 1, ("green", "red"))
    module = imagefolder(str(tmp_path), size=8, workers=0, batch_size=7, **UNCHANGED)
    info = describe(module, CLASSES)
    assert (info.num_train, info.num_validation, info.num_test) == (15, 6, 2)
    assert info.class_names == ("blue", "green", "red")
    assert info.input_shape == (3, 8, 8)
    loaders = [module.train_dataloader(), module.val_dataloader(), module.test_dataloader()]
    for loader, num in zip(loaders, (14, 6, 2), strict=True):  # 14: the 15th would be alone
        batches = list(loader)
        assert sum(len(y) for _, y in batches) == num
        for x, y in batches:
            torch.testing.assert_close(x, colour(y).expand(-1, -1, 8, 8))
    assert [int(y) for _, labels in loaders[2] for y in labels] == [1, 2]


def test_by_default_no_more_processes_read_than_there_are_cpus(tmp_path: Path) -> None:
    """torch warns of more, which is an error here."""
    write(tmp_path, "train", 20)
    module = imagefolder(str(tmp_path), size=8)
    loader = module.train_dataloader()
    assert loader.num_workers == min(4, len(os.sched_getaffinity(0)))


def test_missing_parts_are_split_off_without_overlap(tmp_path: Path) -> None:
    write(tmp_path, "train", 20)
    module = imagefolder(str(tmp_path), size=8, workers=0)
    info = module.info
    assert (info.num_train, info.num_validation, info.num_test) == (42, 6, 12)
    labels = torch.cat([y for _, y in module.test_dataloader()])
    assert labels.bincount().tolist() == [4, 4, 4]


def test_a_fresh_loader_has_the_same_order(tmp_path: Path) -> None:
    write(tmp_path, "train", 10)
    modules = [imagefolder(str(tmp_path), size=8, workers=0, seed=seed) for seed in (1, 1, 2)]
    orders = [torch.cat([y for _, y in module.train_dataloader()]) for module in modules]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_normalised(tmp_path: Path) -> None:
    write(tmp_path, "train", 10)
    module = imagefolder(str(tmp_path), size=8, workers=0, mean=[0.5] * 3, std=[0.25] * 3)
    x, y = next(iter(module.val_dataloader()))
    torch.testing.assert_close(x, ((colour(y) - 0.5) / 0.25).expand(-1, -1, 8, 8))


# Python 3.12 and later warn of forking a process with threads, as torch does here by default.
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_workers_give_the_same_as_none(tmp_path: Path) -> None:
    write(tmp_path, "train", 10)
    alone, helped = (
        next(iter(imagefolder(str(tmp_path), size=8, workers=workers).val_dataloader()))
        for workers in (0, 1)
    )
    assert torch.equal(alone[0], helped[0])
    assert torch.equal(alone[1], helped[1])


def test_missing_or_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must have a folder train/CLASS; put the images"):
        imagefolder(str(tmp_path))
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="is empty"):
        imagefolder(str(tmp_path))
    (tmp_path / "train" / "red").mkdir()
    with pytest.raises(DataError, match="holds no image files"):
        imagefolder(str(tmp_path))


def test_a_class_without_images(tmp_path: Path) -> None:
    write(tmp_path, "train", 10)
    (tmp_path / "train" / "cyan").mkdir()
    with pytest.raises(DataError, match=r"none for class 1 \(cyan\)"):
        imagefolder(str(tmp_path))


def test_classes_that_training_lacks(tmp_path: Path) -> None:
    write(tmp_path, "train", 5, ("red", "blue"))
    write(tmp_path, "test", 2)
    with pytest.raises(DataError, match=r"test has classes that .*train lacks: green"):
        imagefolder(str(tmp_path))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "train", 5)
    write(tmp_path, "val", 1)
    (tmp_path / "val" / "red" / "0.png").write_bytes(np.zeros(9, np.uint8).tobytes())
    module = imagefolder(str(tmp_path), size=8, workers=0)
    with pytest.raises(DataError, match=r"red/0\.png cannot be read as an image"):
        list(module.val_dataloader())


def test_wrong_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"needs `data\.root`"):
        imagefolder()
    with pytest.raises(SettingsError, match="3 numbers each"):
        imagefolder(str(tmp_path), mean=[0.5])


def test_images_without_class_folders_are_reported(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.png").touch()
    with pytest.raises(DataError, match="holds files and no folders; move the images of each"):
        imagefolder(str(tmp_path))


def test_a_file_for_the_root_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(DataError, match="is a file, and must be the folder that has train/"):
        imagefolder(str(tmp_path / "a.png"))


def test_a_class_in_another_case_is_reported(tmp_path: Path) -> None:
    for place in ("train/Cat", "train/dog", "val/cat", "val/dog"):
        (tmp_path / place).mkdir(parents=True)
        for number in range(4):
            (tmp_path / place / f"{number}.png").touch()
    with pytest.raises(DataError, match="rename cat as Cat: upper and lower case count"):
        imagefolder(str(tmp_path))
