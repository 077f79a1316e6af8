"""WebP strips: what was put in comes out to the bit, and damaged files are reported in words."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from paretoprune.data import npz
from paretoprune.data.npz_strips import decode_strips, is_strips
from paretoprune.errors import DataError

SIZE = 8


def make_images(num: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num, SIZE, SIZE, 3), dtype=np.uint8)


def encode(images: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(images.reshape(-1, images.shape[2], 3)).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def make_arrays(images: np.ndarray, *, per_strip: int) -> dict[str, Any]:
    parts = [images[start : start + per_strip] for start in range(0, len(images), per_strip)]
    strips = [encode(part) for part in parts]
    return {
        "webp": np.frombuffer(b"".join(strips), np.uint8),
        "offsets": np.cumsum([0] + [len(strip) for strip in strips]),
        "labels": (np.arange(len(images)) % 2).astype(np.uint8),
        "classes": np.array(["cat", "dog"]),
        "size": np.array(SIZE),
    }


@pytest.mark.parametrize("per_strip", [1, 7, 20, 30])
def test_round_trip(per_strip: int) -> None:
    images = make_images(20)
    arrays = make_arrays(images, per_strip=per_strip)
    assert is_strips(arrays)
    decoded, labels, names = decode_strips(arrays, where="test")
    assert np.array_equal(decoded, images)
    assert labels.tolist() == [0, 1] * 10
    assert names == ("cat", "dog")


def test_names_may_be_left_out() -> None:
    arrays = make_arrays(make_images(4), per_strip=4)
    del arrays["classes"]
    assert decode_strips(arrays, where="test")[2] is None


def test_as_a_data_set(tmp_path: Path) -> None:
    images = make_images(40)
    np.savez(tmp_path / "a.npz", **make_arrays(images, per_strip=16))
    np.savez(tmp_path / "b.npz", x=images, y=np.arange(40) % 2)
    module = npz(train=[str(tmp_path / "a.npz")], test=str(tmp_path / "b.npz"))
    assert module.info.class_names == ("cat", "dog")
    assert module.info.input_shape == (3, SIZE, SIZE)
    plain = npz(train=[str(tmp_path / "b.npz")], test=str(tmp_path / "b.npz"))
    for (ours, keys), (theirs, others) in zip(
        module.train_dataloader(), plain.train_dataloader(), strict=True
    ):
        assert all(map(np.array_equal, (*ours, keys), (*theirs, others)))


def wrong(**changes: Any) -> dict[str, Any]:
    return make_arrays(make_images(20), per_strip=7) | changes


GOOD = wrong()
WIDER = encode(np.zeros((2, SIZE, SIZE + 1, 3), np.uint8))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (wrong(labels=np.zeros(19, int)), "one image per label, got 20 images and 19 labels"),
        (wrong(offsets=GOOD["offsets"][:-1]), "offsets must rise from 0"),
        (wrong(offsets=GOOD["offsets"][[0, 2, 1, 3]]), "offsets must rise from 0"),
        (wrong(webp=GOOD["webp"][:-1]), "offsets must rise from 0"),
        (wrong(webp=GOOD["webp"][::-1]), "a WebP strip cannot be decoded"),
        (wrong(size=np.array(SIZE + 1)), "strips must be 9 wide .* got 8 wide and 56 high"),
        (
            wrong(webp=np.frombuffer(WIDER, np.uint8), offsets=np.array([0, len(WIDER)])),
            "strips must be 8 wide .* got 9 wide",
        ),
    ],
)
def test_damaged_strips(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match="my file: .*" + message):
        decode_strips(arrays, where="my file")


def test_a_truncated_strip() -> None:
    strip = encode(make_images(20))[:300]
    arrays = wrong(webp=np.frombuffer(strip, np.uint8), offsets=np.array([0, len(strip)]))
    with pytest.raises(DataError, match="a WebP strip cannot be decoded"):
        decode_strips(arrays, where="my file")
