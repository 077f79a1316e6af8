"""The in-memory data module: parts and description agree, wrong data are reported in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lightning import LightningDataModule

from paretoprune.data import describe, digits, to_device
from paretoprune.data.augment import Augmentation
from paretoprune.data.image_tensors import ImageTensors, image_tensors
from paretoprune.data.labelled import LabelledImages, labelled_images
from paretoprune.data.split import SplitSettings
from paretoprune.errors import DataError, SettingsError
from tests.kits.tasks import CLASSES


def make_part(num: int, *, num_classes: int = 3, size: int = 4) -> LabelledImages:
    """Images that carry their own number in each pixel, so that one can tell them apart."""
    images = np.broadcast_to(np.arange(num, dtype=np.uint8)[:, None, None], (num, size, size))
    return labelled_images(images, np.arange(num) % num_classes, where="test data")


def make_module(train: LabelledImages, test: LabelledImages) -> ImageTensors:
    return image_tensors(
        {"train": train, "test": test},
        split=SplitSettings(),
        augmentation=Augmentation(),
        mean=[0.0],
        std=[1 / 255],
        batch_size=8,
        seed=0,
    )


def test_the_parts_are_what_the_description_says() -> None:
    module = make_module(make_part(60), make_part(12))
    info = describe(module, CLASSES)
    assert info is module.info
    assert (info.num_classes, info.input_shape) == (3, (1, 4, 4))
    assert (info.num_train, info.num_validation, info.num_test) == (54, 6, 12)
    assert info.class_names == ("0", "1", "2")
    train = torch.cat([x for (x, _), _ in module.train_dataloader()])[:, 0, 0, 0].round().tolist()
    validation = torch.cat([x for x, _ in module.val_dataloader()])[:, 0, 0, 0].round().tolist()
    test = torch.cat([x for x, _ in module.test_dataloader()])[:, 0, 0, 0].round().tolist()
    assert sorted(train + validation) == list(range(60))
    assert test == list(range(12))


def test_normalisation_is_measured_on_training_images_alone() -> None:
    part = make_part(60)
    module = image_tensors(
        {"train": part},
        split=SplitSettings(),
        augmentation=Augmentation(),
        batch_size=8,
        seed=0,
    )
    x = torch.cat([x for (x, _), _ in module.train_dataloader()])
    assert float(x.mean()) == pytest.approx(0, abs=1e-5)
    assert float(x.std(correction=0)) == pytest.approx(1, abs=1e-5)


def test_to_device_moves_batches_and_leaves_other_modules_alone() -> None:
    module = make_module(make_part(60), make_part(12))
    before = module.val_dataloader()
    to_device(module, "meta")
    x, y = next(iter(module.val_dataloader()))
    assert x.device.type == y.device.type == "meta"
    assert next(iter(before))[0].device.type == "cpu"
    to_device(LightningDataModule(), "meta")


def test_augmentation_happens_on_the_device() -> None:
    module = digits()
    to_device(module, "meta")  # computes nothing, but refuses to mix devices
    (x, y), key = next(iter(module.train_dataloader()))
    assert x.device.type == y.device.type == key.device.type == "meta"
    assert x.shape == (64, 1, 8, 8)


def test_digits() -> None:
    module = digits(batch_size=32)
    info = module.info
    assert (info.num_classes, info.input_shape) == (10, (1, 8, 8))
    assert (info.num_train, info.num_validation, info.num_test) == (1079, 359, 359)
    labels = torch.cat([y for _, y in module.val_dataloader()])
    assert labels.bincount().sub(36).abs().max() <= 2
    (x, _), key = next(iter(module.train_dataloader()))
    assert x.shape == (32, 1, 8, 8)
    assert x.dtype == torch.float32
    assert key.dtype == torch.int64


def test_digits_can_be_enlarged() -> None:
    assert next(iter(digits(size=32).val_dataloader()))[0].shape[1:] == (1, 32, 32)
    with pytest.raises(SettingsError, match=r"`data.size` must be 8 or more pixels, got 7"):
        digits(size=7)


def test_seed_changes_the_order_but_not_the_split() -> None:
    first, second = digits(seed=1), digits(seed=2)
    labels = [torch.cat([y for _, y in d.test_dataloader()]) for d in (first, second)]
    assert torch.equal(*labels)
    keys = [next(iter(d.train_dataloader()))[1] for d in (first, second)]
    assert not torch.equal(*keys)
    other = digits(split_seed=1)
    assert not torch.equal(labels[0], torch.cat([y for _, y in other.test_dataloader()]))


def test_labels_out_of_range() -> None:
    with pytest.raises(DataError, match=r"test part: labels must be 0 to 2 .* got 3"):
        make_module(make_part(60), make_part(12, num_classes=4))


def test_images_of_another_size() -> None:
    with pytest.raises(DataError, match=r"test part: .* \(4, 4, 1\) of .*got \(5, 5, 1\)"):
        make_module(make_part(60), make_part(12, size=5))


def test_a_class_without_training_images() -> None:
    part = make_part(60)
    gap = LabelledImages(part.images, part.labels * 2)
    with pytest.raises(DataError, match=r"none for class 1 \(1\), 3 \(3\); number the classes"):
        make_module(gap, make_part(12))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((4, 5), np.uint8), np.zeros(4, int), r"\(N, H, W, C\) or \(N, H, W\), got"),
        (np.zeros((0, 5, 5), np.uint8), np.zeros(0, int), r"no images, got .*\(0, 5, 5\)"),
        (np.zeros((4, 5, 5), np.int64), np.zeros(4, int), "uint8 or float, got int64"),
        (np.full((4, 5, 5), np.nan), np.zeros(4, int), "NaN or infinite"),
        (np.zeros((4, 5, 5)), np.zeros(3, int), r"of shape \(4,\), got \(3,\)"),
        (np.zeros((4, 5, 5)), np.zeros((4, 10), int), r"one number per image.*got \(4, 10\)"),
        (np.zeros((4, 5, 5)), np.zeros(4), "integers counted from 0, got float64"),
        (np.zeros((4, 5, 5)), np.array([0, 1, -1, 2]), "counted from 0, got -1"),
    ],
)
def test_wrong_arrays(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match="mine: .*" + message):
        labelled_images(images, labels, where="mine")
