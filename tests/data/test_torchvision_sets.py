"""Sets through torchvision, on tiny files in its own formats: same pixels, same parts."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from torchvision import datasets

from paretoprune.data import torchvision_set
from paretoprune.data.image_tensors import ImageTensors
from paretoprune.errors import DataError, SettingsError

NUM_TRAIN, NUM_TEST = 40, 20


def write_idx(path: Path, values: np.ndarray) -> None:
    """The idx format: two zeros, the type (8: bytes), the number of axes, their lengths, values."""
    lengths = np.array(values.shape, dtype=">i4").tobytes()
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + lengths + values.tobytes())


def make_images(num: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(num).integers(0, 256, (num, *shape), dtype=np.uint8)
    return images, (np.arange(num) % 10).astype(np.uint8)


def images_of(module: ImageTensors) -> np.ndarray:
    """The test images as bytes, channels last, of a module with mean 0 and deviation 1 / 255."""
    x, y = next(iter(module.test_dataloader()))
    assert np.array_equal(y.numpy(), np.arange(NUM_TEST) % 10)
    pixels: np.ndarray = x.round().byte().permute(0, 2, 3, 1).numpy()
    return pixels


@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")]
)
def test_mnist_and_fashion_mnist(tmp_path: Path, name: str, folder: str) -> None:
    raw = tmp_path / folder / "raw"
    raw.mkdir(parents=True)
    for prefix, num in [("train", NUM_TRAIN), ("t10k", NUM_TEST)]:
        images, labels = make_images(num, (28, 28))
        write_idx(raw / f"{prefix}-images-idx3-ubyte", images)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels)
    module = torchvision_set(name, root=str(tmp_path), mean=[0], std=[1 / 255])
    assert module.info.input_shape == (1, 28, 28)
    assert (module.info.num_train, module.info.num_test) == (36, 20)
    assert len(module.info.class_names) == 10
    assert np.array_equal(images_of(module)[..., 0], images)
    (raw / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    with pytest.raises(DataError, match=rf"{name} cannot be read from .*delete damaged files"):
        torchvision_set(name, root=str(tmp_path), download=False)


def test_a_download_that_fails_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(mnist: datasets.MNIST) -> None:
        Path(mnist.raw_folder).mkdir(parents=True)
        raise OSError("no network")

    monkeypatch.setattr(datasets.MNIST, "download", download)
    kept = tmp_path / "kept"
    kept.mkdir()
    with pytest.raises(DataError, match="no network; with a network connection delete damaged"):
        torchvision_set("mnist", root=str(tmp_path / "made" / "here"))
    assert list(tmp_path.iterdir()) == [kept]


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()

    def write(name: str, content: dict[str, Any]) -> list[str]:
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return [name, hashlib.md5(data).hexdigest()]

    batches = {}
    for name, num in [("data_batch_1", NUM_TRAIN), ("test_batch", NUM_TEST)]:
        images, labels = make_images(num, (32, 32, 3))
        rows = images.transpose(0, 3, 1, 2).reshape(num, -1)
        batches[name] = write(name, {"data": rows, "labels": labels.tolist()})
    names = [f"class {number}" for number in range(10)]
    meta = write("batches.meta", {"label_names": names})
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [batches["data_batch_1"]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [batches["test_batch"]])
    monkeypatch.setitem(datasets.CIFAR10.meta, "md5", meta[1])
    module = torchvision_set(
        "cifar10", root=str(tmp_path), mean=[0] * 3, std=[1 / 255] * 3, download=False
    )
    assert module.info.class_names == tuple(names)
    assert np.array_equal(images_of(module), images)


def test_svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {}
    for part, num in [("train", NUM_TRAIN), ("test", NUM_TEST)]:
        images, labels = make_images(num, (32, 32, 3))
        stored = np.where(labels == 0, 10, labels)  # SVHN writes 10 for the digit 0
        path = tmp_path / f"{part}_32x32.mat"
        scipy.io.savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": stored[:, None]})
        entries[part] = ["no url", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(datasets.SVHN, "split_list", entries)
    module = torchvision_set(
        "svhn", root=str(tmp_path), mean=[0] * 3, std=[1 / 255] * 3, download=False
    )
    assert module.info.input_shape == (3, 32, 32)
    assert np.array_equal(images_of(module), images)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "mnist", "fashion_mnist", "svhn"])
def test_a_missing_set(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"{name} cannot be read .*set `data\.download=true`"):
        torchvision_set(name, root=str(tmp_path), download=False)


def test_an_unknown_name() -> None:
    with pytest.raises(SettingsError, match=r"one of cifar10, .*, got 'imagenet'"):
        torchvision_set("imagenet")
