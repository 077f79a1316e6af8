"""Images and masks of a user's: what is read, and sentences for what is not as described."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from paretoprune.data.samples.mask_folders import mask_folders
from paretoprune.errors import DataError


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Ten images of 6 x 4 pixels whose masks are 1 where they are bright, and 255 in a corner."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number in range(10):
        pixels = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
        labels = (pixels[..., 0] > 127).astype(np.uint8)
        labels[0, 0] = 255
        Image.fromarray(pixels).save(tmp_path / f"images/{number}.png")
        Image.fromarray(labels).save(tmp_path / f"masks/{number}.png")
    return tmp_path


def read(folder: Path, **options: Any) -> Any:
    """Read the folders."""
    return mask_folders(images=str(folder / "images"), masks=str(folder / "masks"), **options)


def save(file: Path, pixels: Any, mode: str | None = None) -> None:
    """Write an image over another one."""
    picture = Image.fromarray(np.asarray(pixels, np.uint8))
    (picture.convert(mode) if mode else picture).save(file)


def test_each_image_has_the_mask_of_its_name(folders: Path) -> None:
    data = read(folders)
    assert (data.info.num_classes, data.info.input_shape) == (2, (3, 4, 6))
    assert [len(part) for part in data.parts] == [6, 2, 2]
    for part in data.parts:
        bright = (part.images[..., 0] > 127).long()
        bright[:, 0, 0] = 255
        assert torch.equal(part.labels, bright)
    kept = torch.cat([part.images for part in data.parts])
    assert len(torch.unique(kept, dim=0)) == 10


def test_they_are_resized_together_without_mixing_classes(folders: Path) -> None:
    save(folders / "images/3.png", np.zeros((8, 8, 3)))
    save(folders / "masks/3.png", np.ones((8, 8)))
    data = read(folders, size=5)
    assert data.info.input_shape == (3, 5, 5)
    labels = torch.cat([part.labels for part in data.parts])
    assert set(labels.unique().tolist()) == {0, 1, 255}


def test_grey_images_have_one_channel_and_indexed_masks_are_numbers(folders: Path) -> None:
    for number in range(10):
        save(folders / f"images/{number}.png", np.full((4, 6), number))
        save(folders / f"masks/{number}.png", np.eye(4, 6), mode="P")
    data = read(folders)
    assert data.info.input_shape == (1, 4, 6) and data.info.num_classes == 2
    assert data.preprocessing.channel_order == "grey"


WRONG: dict[str, tuple[Callable[[Path], object], dict[str, Any], str]] = {
    "no mask": (
        lambda at: (at / "masks/3.png").unlink(),
        {},
        "masks` has no file for 1 of the files: 3.png",
    ),
    "no image": (lambda at: (at / "images/3.png").unlink(), {}, "images` has no file for 1"),
    "other size": (
        lambda at: save(at / "masks/3.png", np.ones((8, 8))),
        {},
        "3.png has 8 x 8 pixels, and its image .* has 6 x 4; a mask has the size",
    ),
    "several sizes": (
        lambda at: [save(at / f"{one}/3.png", np.ones((8, 8))) for one in ("images", "masks")],
        {},
        "3.png has 8 x 8 pixels, .* has 6 x 4; resize all .*`data.size=128`",
    ),
    "colours": (
        lambda at: save(at / "masks/3.png", np.ones((4, 6, 3))),
        {},
        "3.png must have one number for each pixel, .* mode RGB",
    ),
    "beyond": (
        lambda at: save(at / "masks/3.png", np.full((4, 6), 7)),
        {"num_classes": 2},
        "3.png has the label 7, and labels are 0 to 1, or 255",
    ),
    "one class": (
        lambda at: [save(at / f"masks/{n}.png", np.zeros((4, 6))) for n in range(10)],
        {},
        "all masks hold the label 0 alone",
    ),
    "two classes in 0 and 255": (
        lambda at: [save(at / f"masks/{n}.png", 255 * np.eye(4, 6)) for n in range(10)],
        {},
        "all masks hold the label 0 alone",
    ),
    "no picture": (
        lambda at: (at / "images/3.png").write_text("text"),
        {},
        "3.png cannot be read as an image",
    ),
    "too few": (
        lambda at: [(at / f"{one}/{n}.png").unlink() for one in ("images", "masks")
                    for n in range(6)],
        {},
        "has 4 images, and 5 are needed",
    ),
    "same name": (
        lambda at: save(at / "images/3.bmp", np.ones((4, 6, 3))),
        {},
        "have the same name; remove one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_files_are_reported_in_a_sentence(folders: Path, kind: str) -> None:
    damage, options, sentence = WRONG[kind]
    damage(folders)
    with pytest.raises(DataError, match=sentence):
        read(folders, **options)


def test_a_jpeg_is_no_mask(folders: Path) -> None:
    (folders / "masks/3.png").unlink()
    save(folders / "masks/3.jpg", np.ones((4, 6)))
    with pytest.raises(DataError, match="is a JPEG, which changes the numbers"):
        read(folders)


def test_missing_and_empty_folders_are_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"`data.images=.*images` is missing"):
        read(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"holds no image files"):
        read(tmp_path)
