"""Data modules preprocess images as they describe it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from lightning import LightningDataModule
from PIL import Image

from paretoprune.data import imagefolder, npz, preprocessing_of
from paretoprune.results import Preprocessing


def test_following_it_by_hand_gives_the_loaders_values(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (12, 8, 6, 3), dtype=np.uint8)
    labels = np.arange(12) % 2
    np.savez(tmp_path / "d.npz", x_train=images, y_train=labels, x_val=images[:4], y_val=labels[:4])
    data = npz(path=str(tmp_path / "d.npz"))
    found = preprocessing_of(data)
    assert found is not None and found.scale == 255.0
    by_hand = (images[:4] / found.scale - np.array(found.mean)) / np.array(found.std)
    expected = torch.from_numpy(by_hand.transpose(0, 3, 1, 2)).float()
    torch.testing.assert_close(next(iter(data.val_dataloader()))[0].contiguous(), expected)


def test_floats_are_not_scaled(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((12, 1, 8, 6)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x_train=images, y_train=np.arange(12) % 2)
    found = preprocessing_of(npz(path=str(tmp_path / "d.npz")))
    assert found is not None and (found.scale, found.channel_order) == (1.0, "grey")


def test_image_files_are_resized_and_cropped(tmp_path: Path) -> None:
    """A gradient of 40 x 56 pixels, so that a crop elsewhere or of another size would differ."""
    rows = np.linspace(0, 255, 40)[:, None, None]
    pixels = np.broadcast_to(rows, (40, 56, 3)).astype(np.uint8)
    for name in ("cat", "dog"):
        for part, count in (("train", 2), ("val", 1), ("test", 1)):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(pixels).save(folder / f"{index}.png")
    data = imagefolder(str(tmp_path), size=28, workers=0)
    found = preprocessing_of(data)
    assert found is not None and (found.resize, found.crop, found.channel_order) == (32, 28, "RGB")
    image = Image.open(tmp_path / "val" / "cat" / "0.png")
    image = image.resize((round(56 * 32 / 40), 32), Image.Resampling.BILINEAR)
    left, top = (image.width - 28) / 2, (image.height - 28) / 2
    cropped = np.asarray(image.crop((round(left), round(top), round(left) + 28, round(top) + 28)))
    by_hand = (cropped / found.scale - np.array(found.mean)) / np.array(found.std)
    expected = torch.from_numpy(by_hand.transpose(2, 0, 1)).float()
    torch.testing.assert_close(next(iter(data.val_dataloader()))[0][0], expected, atol=0.02, rtol=0)


def test_one_that_does_not_tell_is_not_guessed() -> None:
    assert preprocessing_of(LightningDataModule()) is None
    own = LightningDataModule()
    own.preprocessing = Preprocessing(1.0, (0.0,), (1.0,), "grey")
    assert preprocessing_of(own) == own.preprocessing
