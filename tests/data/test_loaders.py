"""Loaders: every sample once per epoch, keys that identify what is seen, and repeatable orders."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor, nn

from paretoprune.data.augment import Augmentation
from paretoprune.data.labelled import LabelledImages
from paretoprune.data.loaders import OrderedLoader, TrainLoader
from paretoprune.data.normalise import Normalisation, Normaliser

PLAIN = Augmentation()
MOVED = Augmentation(shift=2, flip=True, views=3)


def make_part(num: int) -> LabelledImages:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (num, 5, 5, 3), dtype=torch.uint8)
    return LabelledImages(images, torch.arange(num) % 7)


def make_normaliser(part: LabelledImages) -> Normaliser:
    return Normaliser(Normalisation((0.5,) * 3, (0.25,) * 3), part.images)


def make_loader(
    num: int = 20, augmentation: Augmentation = MOVED, *, batch_size: int = 6, seed: int = 0
) -> TrainLoader:
    part = make_part(num)
    return TrainLoader(part, make_normaliser(part), augmentation, batch_size=batch_size, seed=seed)


def epoch_of(loader: TrainLoader) -> tuple[Tensor, Tensor, Tensor]:
    pairs, key = zip(*loader, strict=True)
    x, y = zip(*pairs, strict=True)
    return torch.cat(x), torch.cat(y), torch.cat(key)


@pytest.mark.parametrize("augmentation", [PLAIN, MOVED])
@pytest.mark.parametrize(("num", "batch_size"), [(20, 6), (18, 6), (5, 8), (4, 1)])
def test_each_sample_once_per_epoch(augmentation: Augmentation, num: int, batch_size: int) -> None:
    loader = make_loader(num, augmentation, batch_size=batch_size)
    for epoch in range(4):
        _, y, key = epoch_of(loader)
        view = epoch % augmentation.num_views
        assert sorted(key.tolist()) == list(range(view * num, (view + 1) * num))
        assert torch.equal(y, make_part(num).labels[key % num])
        assert int(key.max()) < loader.num_keys == num * augmentation.num_views


@pytest.mark.parametrize(("num", "batch_size"), [(20, 6), (19, 6), (18, 6), (3, 1), (7, 6)])
def test_length_and_sizes_of_batches(num: int, batch_size: int) -> None:
    loader = make_loader(num, batch_size=batch_size)
    sizes = [len(y) for (_, y), _ in loader]
    assert len(sizes) == len(loader)
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    lonely = num % batch_size == 1 and batch_size > 1
    assert sum(sizes) == num - lonely


def test_an_equal_key_means_an_equal_image() -> None:
    loader = make_loader()
    seen: dict[int, Tensor] = {}
    for _ in range(3):
        x, _, key = epoch_of(loader)
        seen |= {int(k): image for k, image in zip(key, x, strict=True)}
    assert len(seen) == loader.num_keys
    for _ in range(3):
        x, _, key = epoch_of(loader)
        for k, image in zip(key.tolist(), x, strict=True):
            assert torch.equal(image, seen[k])
    assert sum(torch.equal(seen[index], seen[index + 20]) for index in range(20)) < 5


def test_a_fresh_loader_repeats_and_epochs_differ() -> None:
    first, second = make_loader(seed=4), make_loader(seed=4)
    epochs = [epoch_of(first) for _ in range(4)]
    for x, _, key in epochs:
        again_x, _, again_key = epoch_of(second)
        assert torch.equal(key, again_key)
        assert torch.equal(x, again_x)
    orders = [(key % 20).tolist() for _, _, key in epochs]
    assert len({tuple(order) for order in orders}) == 4
    assert epoch_of(make_loader(seed=5))[2].tolist() != epochs[0][2].tolist()


def test_a_training_is_continued_by_setting_the_epoch() -> None:
    first, second = make_loader(), make_loader()
    epochs = [epoch_of(first) for _ in range(3)]
    second.epoch = 2
    assert torch.equal(epoch_of(second)[2], epochs[2][2])


def test_unmoved_images_are_only_normalised() -> None:
    x, _, key = epoch_of(make_loader(augmentation=PLAIN))
    expected = (make_part(20).images[key].permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    torch.testing.assert_close(x, expected, rtol=1e-5, atol=1e-5)


def test_ordered_loader_keeps_the_order() -> None:
    part = make_part(20)
    loader = OrderedLoader(part, make_normaliser(part), batch_size=8)
    x, y = (torch.cat(tensors) for tensors in zip(*loader, strict=True))
    assert len(loader) == 3 == len(list(loader))
    assert torch.equal(y, part.labels)
    expected = (part.images.permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    torch.testing.assert_close(x, expected, rtol=1e-5, atol=1e-5)


class Recorder(LightningModule):
    """Trains one linear layer and notes the keys that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(75, 7)
        self.keys: list[list[int]] = []

    def on_train_epoch_start(self) -> None:
        self.keys.append([])

    def training_step(self, batch: Any, _: int) -> Tensor:
        (x, y), key = batch
        self.keys[-1] += key.tolist()
        return nn.functional.cross_entropy(self.layer(x.flatten(1)), y)

    def validation_step(self, batch: Any, _: int) -> None:
        assert len(batch) == 2

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


# Lightning 2.6 with torch 2.15.
@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated:FutureWarning")
def test_lightning_sees_the_epochs_in_order() -> None:
    module, part = Recorder(), make_part(20)
    trainer = Trainer(
        max_epochs=4,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader = make_loader()
    trainer.fit(module, loader, OrderedLoader(part, make_normaliser(part), batch_size=8))
    alone = make_loader()
    assert module.keys == [epoch_of(alone)[2].tolist() for _ in range(4)]
    assert trainer.num_training_batches == len(loader) == 4
