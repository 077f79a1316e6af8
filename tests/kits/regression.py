"""A regression of a user's own: the amount of ink in a random image, measured by its rmse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.tasks.interface import Batch, Outputs
from paretoprune.tasks.output_task import OutputTask


class Ink(OutputTask):
    """Batches (images, amounts): squared errors as the loss."""

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        return tuple(QUANTITIES[name] for name in ("rmse", "mae", "loss"))

    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        return (outputs - targets).square().mean(1)

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        from torchmetrics import MeanAbsoluteError, MeanSquaredError

        return {"rmse": MeanSquaredError(squared=False), "mae": MeanAbsoluteError()}

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        mean = torch.cat([amounts for _, amounts in train]).mean()
        errors = torch.cat([amounts for _, amounts in validation]) - mean
        return {"rmse": errors.square().mean().sqrt().item()}


class Images(LightningDataModule):
    """Random images 1 x 8 x 8 of different brightness, and their sums."""

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return _loader(256, seed=1)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return _loader(64, seed=2)

    def test_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return _loader(64, seed=3)


class Net(nn.Module):
    """Two layers, and one number as the output."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first = nn.Linear(64, width)
        self.second = nn.Linear(width, 2 * width)
        self.head = nn.Linear(2 * width, 1)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.second(self.first(images.flatten(1)).relu()).relu()
        return self.head(hidden)


def _loader(count: int, *, seed: int) -> DataLoader[tuple[Tensor, ...]]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 8, 8, generator=generator)
    images *= torch.rand(count, 1, 1, 1, generator=generator)
    amounts = images.mean((1, 2, 3))[:, None] * 4
    return DataLoader(TensorDataset(images, amounts), batch_size=32)
