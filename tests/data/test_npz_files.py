"""The user's arrays: every accepted form gives the same samples, every mistake its own sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from paretoprune.data import npz
from paretoprune.errors import DataError, SettingsError

Arrays = dict[str, Any]


def make_arrays(num: int = 40, *, num_classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(num)
    images = generator.integers(0, 256, (num, 6, 7, 3), dtype=np.uint8)
    return images, np.arange(num) % num_classes


def save(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def six_keys() -> Arrays:
    arrays: Arrays = {}
    for suffix, num in [("train", 40), ("val", 12), ("test", 16)]:
        arrays[f"x_{suffix}"], arrays[f"y_{suffix}"] = make_arrays(num)
    return arrays


def test_one_file_with_three_parts(tmp_path: Path) -> None:
    arrays = six_keys() | {"class_names": np.array(["a", "b", "c", "d"])}
    module = npz(path=save(tmp_path / "d.npz", **arrays), mean=[0] * 3, std=[1 / 255] * 3)
    info = module.info
    assert (info.num_train, info.num_validation, info.num_test) == (40, 12, 16)
    assert info.input_shape == (3, 6, 7)
    assert info.class_names == ("a", "b", "c", "d")
    x, y = next(iter(module.test_dataloader()))
    assert np.array_equal(x.round().byte().permute(0, 2, 3, 1).numpy(), arrays["x_test"])
    assert np.array_equal(y.numpy(), arrays["y_test"])


@pytest.mark.parametrize("form", ["float", "double", "grey", "grey float"])
def test_other_forms_of_images(tmp_path: Path, form: str) -> None:
    images, labels = make_arrays()
    stored = {
        "float": images.transpose(0, 3, 1, 2).astype(np.float32),
        "double": images.transpose(0, 3, 1, 2).astype(np.float64),
        "grey": images[..., 0],
        "grey float": images[..., 0].astype(np.float32),
    }[form]
    reference = images if form in ("float", "double") else images[..., :1]
    paths = [
        save(tmp_path / "a.npz", x_train=stored, y_train=labels),
        save(tmp_path / "b.npz", x_train=reference, y_train=labels),
    ]
    batches = [next(iter(npz(path=path).train_dataloader())) for path in paths]
    torch.testing.assert_close(batches[0][0], batches[1][0], rtol=1e-4, atol=1e-4)
    assert torch.equal(batches[0][1], batches[1][1])


def test_missing_parts_are_split_off(tmp_path: Path) -> None:
    images, labels = make_arrays(100)
    info = npz(path=save(tmp_path / "d.npz", x_train=images, y_train=labels)).info
    assert (info.num_train, info.num_validation, info.num_test) == (70, 10, 20)
    assert "validation on 10 of the 100 samples of the whole set" in info.split


def test_files_for_each_part(tmp_path: Path) -> None:
    (xa, ya), (xb, yb), (xt, yt) = make_arrays(40), make_arrays(60), make_arrays(20)
    files = [save(tmp_path / "a.npz", x=xa, y=ya), save(tmp_path / "b.npz", x=xb, y=yb)]
    test = save(tmp_path / "t.npz", x=xt, y=yt)
    validation = save(tmp_path / "v.npz", x=xa, y=ya)
    info = npz(train=files, validation=validation, test=[test]).info
    assert (info.num_train, info.num_validation, info.num_test) == (100, 40, 20)
    limited = npz(train=files, test=test, max_train=50, max_test=8, pretrained=True).info
    assert (limited.num_train, limited.num_validation, limited.num_test) == (50, 4, 4)


@pytest.mark.parametrize(
    "arguments", [{}, {"path": "a", "train": "b"}, {"path": "a", "test": "b"}, {"test": "b"}]
)
def test_either_path_or_train(arguments: Arrays) -> None:
    with pytest.raises(SettingsError, match=r"either `data\.path`.* or `data\.train`"):
        npz(**arguments)


def changed(**changes: Any) -> Arrays:
    """The six arrays with some replaced, or left out where None."""
    return {key: value for key, value in (six_keys() | changes).items() if value is not None}


OBJECTS = np.array([np.zeros(2), np.zeros(3)], dtype=object)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (changed(x_train=None), "lacks x_train, got y_train, x_val"),
        (changed(y_val=None), "both or neither of x_val and y_val"),
        (changed(y_test=np.zeros(3, int)), r"x_test and y_test: labels .*\(16,\), got \(3,\)"),
        (changed(y_test=np.full(16, 4)), "test part: labels must be 0 to 3 .*got 4"),
        (changed(y_train=np.arange(40) % 3 * 2, y_val=None, x_val=None), r"none for class 1"),
        (changed(x_train=np.zeros((40, 3, 6, 7), np.uint8)), r"uint8 images must be \(N, H, W, C"),
        (changed(x_train=np.zeros((40, 6, 7, 3))), r"float images must be \(N, C, H, W\)"),
        (changed(x_val=np.zeros((12, 5, 5, 3), np.uint8)), r"validation part: images must be as"),
        (changed(x_train=OBJECTS), "x_train: must be a plain array .* not of Python objects"),
        (changed(class_names=np.array(["a", "b"])), "labels must be 0 to 1 .*got 3"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_mistakes_in_arrays(tmp_path: Path, arrays: Arrays, message: str) -> None:
    with pytest.raises(DataError, match=message):
        npz(path=save(tmp_path / "d.npz", **arrays))


def test_mistakes_in_files_for_parts(tmp_path: Path) -> None:
    images, labels = make_arrays()
    six = save(tmp_path / "six.npz", **six_keys())
    with pytest.raises(DataError, match=r"six\.npz must hold the arrays x and y.*data\.path"):
        npz(train=six)
    names = np.array(["a", "b", "c", "d"])
    one = save(tmp_path / "one.npz", x=images, y=labels, class_names=names)
    other = save(tmp_path / "other.npz", x=images, y=labels, class_names=names[::-1])
    with pytest.raises(DataError, match=r"other\.npz names other classes"):
        npz(train=[one, other])
    smaller = save(tmp_path / "smaller.npz", x=images[:, 1:], y=labels)
    with pytest.raises(DataError, match=r"one size and type .*\(5, 7, 3\).* and \(6, 7, 3\)"):
        npz(train=[one, smaller])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.npz is missing"):
        npz(path=str(tmp_path / "none.npz"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file(tmp_path: Path, share: float) -> None:
    path = Path(save(tmp_path / "d.npz", **six_keys()))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match="is truncated"):
        npz(path=str(path))


def test_a_file_with_changed_bytes(tmp_path: Path) -> None:
    path = Path(save(tmp_path / "d.npz", **six_keys()))
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match="x_train: is damaged"):
        npz(path=str(path))


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"not an \.npz archive"):
        npz(path=str(tmp_path / "d.npy"))


def test_a_folder_is_distinguished_from_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is a folder, and must be an \.npz file"):
        npz(path=str(tmp_path))


def test_keys_in_another_case_are_reported(tmp_path: Path) -> None:
    images, labels = make_arrays()
    file = save(tmp_path / "d.npz", X_train=images, Y_train=labels)
    with pytest.raises(DataError, match="write X_train, Y_train in lower case"):
        npz(path=file)


def test_too_few_samples_are_reported(tmp_path: Path) -> None:
    images, labels = make_arrays(3)
    file = save(tmp_path / "d.npz", x_train=images, y_train=labels)
    with pytest.raises(DataError, match="too small to split off 1 for validation or test"):
        npz(path=file)
