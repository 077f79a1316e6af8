"""Digests of data; suspicious contents are reported."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import LightningDataModule
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split

from paretoprune.data import contents_of, imagefolder, npz
from paretoprune.data.digests import file_digests
from paretoprune.data.digests import loader_digests as loaders
from paretoprune.data.digests.contents import Contents
from paretoprune.data.digests.sample_digests import digests_of_rows
from paretoprune.data.given import as_datamodule
from paretoprune.errors import DataError
from tests.kits.tasks import CLASSES

Arrays = dict[str, np.ndarray]


def classes_in(module: LightningDataModule) -> Contents:
    return contents_of(module, CLASSES)


def arrays_of(num_classes: int = 2) -> Arrays:
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 24), ("val", 12), ("test", 8)):
        arrays[f"x_{part}"] = rng.integers(0, 255, (count, 4, 4), dtype=np.uint8)
        arrays[f"y_{part}"] = np.arange(count) % num_classes
    return arrays


def of_npz(folder: Path, arrays: Mapping[str, np.ndarray]) -> Contents:
    np.savez(folder / "d.npz", **arrays)
    return classes_in(npz(path=str(folder / "d.npz")))


def changed(one: Contents, other: Contents) -> list[str]:
    assert one.digests.keys() == other.digests.keys()
    return [name for name in one.digests if one.digests[name] != other.digests[name]]


@pytest.mark.parametrize("part", ["train", "val", "test"])
@pytest.mark.parametrize("index", [0, 7])
def test_every_sample_and_label_in_memory_counts(tmp_path: Path, part: str, index: int) -> None:
    whole = of_npz(tmp_path, arrays_of())
    name = {"train": "training", "val": "validation", "test": "test"}[part]
    arrays = arrays_of()
    arrays[f"x_{part}"][index, 3, 3] ^= 1
    assert changed(whole, of_npz(tmp_path, arrays)) == [f"{name} inputs"]
    arrays = arrays_of()
    arrays[f"y_{part}"][index] ^= 1
    assert changed(whole, of_npz(tmp_path, arrays)) == [f"{name} labels"]
    assert whole == of_npz(tmp_path, arrays_of())


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        ("val", "train", "3 of the 12 validation samples are also training samples"),
        ("val", "test", "3 of the 12 validation samples are also test samples"),
        ("test", "train", "3 of the 8 test samples are also training samples"),
    ],
)
def test_samples_of_two_parts_are_reported(
    tmp_path: Path, one: str, other: str, sentence: str
) -> None:
    arrays = arrays_of()
    assert of_npz(tmp_path, arrays).cautions == ()
    arrays[f"x_{one}"][2:5] = arrays[f"x_{other}"][:3]
    [caution] = of_npz(tmp_path, arrays).cautions
    assert caution.startswith(sentence)


def test_one_class_only_is_reported(tmp_path: Path) -> None:
    arrays = arrays_of()
    arrays["y_val"][:] = 1
    contents = of_npz(tmp_path, arrays)
    assert contents.cautions[0].startswith("all validation labels are 1")
    arrays["y_train"][:] = 0
    arrays["y_val"][:] = 0
    arrays["y_test"][:] = 0
    with pytest.raises(DataError, match="all training labels are 0"):
        of_npz(tmp_path, arrays)


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (torch.arange(12) % 3 + 1, "class 0 has no training sample; where labels are counted from"),
        (torch.arange(12) % 3 * 2, "2 of 5 classes have no training sample: 1, 3; if there are no"),
    ],
)
def test_classes_without_samples_are_cautioned_of(labels: Tensor, sentence: str) -> None:
    class Given(LightningDataModule):
        def train_dataloader(self) -> Any:
            return DataLoader(TensorDataset(torch.rand(12, 3), labels), 6)

        def val_dataloader(self) -> Any:
            return DataLoader(TensorDataset(torch.rand(12, 3), labels), 6)

    [caution] = classes_in(Given()).cautions
    assert caution.startswith(sentence)


@pytest.mark.parametrize(
    "values",
    [
        torch.arange(12).reshape(3, 4),
        torch.arange(12.0).reshape(3, 2, 2).to(torch.bfloat16),
        torch.arange(3) > 1,
        torch.zeros(3, 2).t().contiguous().t(),
        torch.zeros(3, 0),
    ],
)
def test_a_row_has_the_digest_of_its_bytes(values: Tensor) -> None:

    rows = [row.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() for row in values]
    expected = [hashlib.blake2b(row, digest_size=16).digest() for row in rows]
    assert digests_of_rows(values) == (expected if values.numel() else [])


# Image files


def write_images(root: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for part, count in (("train", 6), ("val", 4), ("test", 2)):
        for label in ("a", "b"):
            folder = root / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
                paths.append(folder / f"{number}.png")
                Image.fromarray(pixels).save(paths[-1])
    return paths


def of_files(root: Path) -> Contents:
    return classes_in(imagefolder(str(root), size=8, workers=0))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    write_images(root)
    return root


def test_files_are_known_by_content_wherever_they_lie(images: Path) -> None:
    whole = of_files(images)
    for path in images.rglob("*.png"):
        os.utime(path, (1, 1))
    moved = images.rename(images.with_name("moved"))
    assert of_files(moved) == whole
    first = moved / "train" / "a" / "0.png"
    second = moved / "train" / "b" / "0.png"
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    assert changed(whole, of_files(moved)) == ["training inputs"]
    first.write_bytes(content)
    first.rename(moved / "train" / "b" / "00.png")
    assert changed(whole, of_files(moved)) == ["training inputs", "training labels"]


def test_large_sets_are_known_by_size_and_time(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_digests, "_MOST_FILES", 20)
    whole = of_files(images)
    assert of_files(images) == whole
    path = images / "val" / "a" / "0.png"
    os.utime(path, (1, 1))
    assert changed(whole, of_files(images)) == ["validation inputs"]


@pytest.mark.parametrize("most", [20, 20_000])
def test_a_file_in_two_parts_is_reported(
    images: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_digests, "_MOST_FILES", most)
    assert of_files(images).cautions == ()
    copied = images / "val" / "b" / "2.png"
    copied.write_bytes((images / "train" / "b" / "5.png").read_bytes())
    [caution] = of_files(images).cautions
    assert "1 of the 8" in caution
    assert "validation samples are also training samples" in caution


# Data modules of a user's own


class Images(Dataset[tuple[Tensor, int]]):
    """Samples whose inputs may be changed at random, and labels in a list."""

    def __init__(self, count: int, noise: Callable[[], float] | None = None) -> None:
        self.inputs = torch.arange(count * 4.0).reshape(count, 1, 2, 2)
        self.classes = [number % 2 for number in range(count)]
        self._noise = noise

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        moved = self._noise() if self._noise else 0.0
        return self.inputs[index] + moved, self.classes[index]


class Own(LightningDataModule):
    def __init__(self, train: Dataset[Any], **options: Any) -> None:
        super().__init__()
        self.train, self.options = train, options
        self.others = TensorDataset(torch.rand(70, 1, 2, 2), torch.arange(70) % 2)

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.train, batch_size=16, **self.options)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.others, batch_size=16)


@pytest.fixture(autouse=True)
def same_others() -> None:
    torch.manual_seed(3)


UNSEEDED = np.random.default_rng()


@pytest.mark.parametrize(
    ("options", "noise"),
    [
        ({}, None),
        ({"shuffle": True}, None),
        ({"shuffle": True, "drop_last": True}, None),
        ({}, lambda: float(torch.rand(()))),
        ({"shuffle": True}, lambda: float(np.random.random())),
        ({"shuffle": True}, lambda: float(UNSEEDED.random())),
    ],
)
def test_a_pass_through_a_users_loader_is_the_same_each_time(
    options: dict[str, Any], noise: Callable[[], float] | None
) -> None:
    state = torch.get_rng_state()
    one = classes_in(Own(Images(100, noise), **options))
    torch.set_rng_state(state)
    assert changed(one, classes_in(Own(Images(100, noise), **options))) == []
    mended = Images(100, noise)
    mended.classes[99] = 0
    torch.set_rng_state(state)
    names = changed(one, classes_in(Own(mended, **options)))
    assert "training arrays `classes`" in names
    mended = Images(100, noise)
    mended.inputs[50] += 1
    torch.set_rng_state(state)
    assert "training arrays `inputs`" in changed(one, classes_in(Own(mended, **options)))


class Scale:
    """A transform."""

    def __init__(self, factor: float) -> None:
        self.factor = factor


class Scaled(Images):
    """Inputs that a transform changes, and unseeded noise after it."""

    def __init__(self, *transforms: Scale) -> None:
        super().__init__(100, lambda: float(UNSEEDED.random()))
        self.transforms = transforms

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        inputs, label = super().__getitem__(index)
        for transform in self.transforms:
            inputs = inputs * transform.factor
        return inputs, label


def test_numbers_of_a_transform_count_where_inputs_are_random() -> None:
    def own(*factors: float) -> Contents:
        torch.manual_seed(3)
        return classes_in(Own(Scaled(*map(Scale, factors))))

    assert changed(own(1.0, 2.0), own(1.0, 2.0)) == []
    for other in ((1.0, 2.5), (2.0, 1.0), (1.0,)):
        assert changed(own(1.0, 2.0), own(*other)) == ["training settings of the data set"]


def test_a_loader_that_shuffles_by_itself_is_known_by_its_samples() -> None:
    def own(data: Images, seed: int) -> Contents:
        torch.manual_seed(3)
        generator = torch.Generator().manual_seed(seed)
        return classes_in(Own(data, shuffle=True, generator=generator))

    assert changed(own(Images(100), 1), own(Images(100), 2)) == []
    other = Images(100)
    other.inputs[99] += 1
    assert "training inputs" in changed(own(Images(100), 1), own(other, 1))


class Computed(Dataset[tuple[Tensor, int]]):
    """Samples that lie in no array."""

    def __init__(self, wrong: int = -1) -> None:
        self.wrong = wrong

    def __len__(self) -> int:
        return 80

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.full((1, 2, 2), float(index)), (index + (index == self.wrong)) % 2


@pytest.mark.parametrize("shuffle", [False, True])
def test_labels_that_lie_in_no_array_count_too(shuffle: bool) -> None:
    def own(data: Computed) -> Contents:
        torch.manual_seed(3)
        return classes_in(Own(data, shuffle=shuffle))

    assert changed(own(Computed()), own(Computed(wrong=77))) == ["training labels"]


def test_a_random_split_counts_by_its_indices() -> None:
    def own(seed: int) -> Contents:
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(3)
        return classes_in(Own(random_split(Images(100), [60, 40], generator=generator)[0]))

    assert changed(own(1), own(1)) == []
    assert "training arrays `indices`" in changed(own(1), own(2))


def test_files_that_a_list_names_count(tmp_path: Path) -> None:
    class Listed(Computed):
        def __init__(self, samples: list[tuple[str, int]]) -> None:
            super().__init__()
            self.samples = samples

    (tmp_path / "a.bin").write_text("one")
    samples = [(str(tmp_path / "a.bin"), 0)]
    before = classes_in(Own(Listed(samples)))
    (tmp_path / "a.bin").write_text("other")
    torch.manual_seed(3)
    found = changed(before, classes_in(Own(Listed(samples))))
    assert found == ["training arrays `files of samples`"]


def test_the_pass_ends_after_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "_MOST_BYTES", 100)
    part = loaders.part_of_loader(
        *(DataLoader(Images(100), batch_size=10) for _ in range(2)), CLASSES
    )
    assert len(part.samples) == 10
    assert part.looked_at == "first 10"


def test_random_numbers_are_left_as_they_were() -> None:
    module = Own(Images(100), shuffle=True)
    state = torch.get_rng_state()
    classes_in(module)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_npz_file_of_the_same_size_and_time_is_other_data(tmp_path: Path) -> None:
    arrays = arrays_of()
    whole = of_npz(tmp_path, arrays)
    before = (tmp_path / "d.npz").stat()
    arrays["x_train"][-1, -1, -1] ^= 1
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]
    os.utime(tmp_path / "d.npz", ns=(before.st_atime_ns, before.st_mtime_ns))
    after = (tmp_path / "d.npz").stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert changed(whole, classes_in(npz(path=str(tmp_path / "d.npz")))) == ["training inputs"]


class Rows(Dataset[tuple[Tensor, int]]):
    """The rows of a CSV file, which is read again for each sample."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __len__(self) -> int:
        return len(self.file.read_text().splitlines())

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        *values, label = self.file.read_text().splitlines()[index].split(",")
        return torch.tensor([float(value) for value in values]), int(label)


def of_csv(file: Path) -> Contents:
    return classes_in(as_datamodule([DataLoader(Rows(file), batch_size=8) for _ in range(2)]))


@pytest.mark.parametrize(
    ("old", "new", "named"), [("5.25", "5.75", "inputs"), (",1\n", ",0\n", "labels")]
)
def test_a_csv_file_of_the_same_size_and_time_is_other_data(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    file = tmp_path / "d.csv"
    file.write_text("".join(f"{row}.25,{row % 3}.5,{row % 2}\n" for row in range(20)))
    whole, before = of_csv(file), file.stat()
    assert of_csv(file) == whole
    file.write_text(file.read_text().replace(old, new, 1))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert changed(whole, of_csv(file)) == [f"training {named}", f"validation {named}"]
