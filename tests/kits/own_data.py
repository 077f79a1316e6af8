"""A data module like a user's own: it reads its samples in `setup` and splits them at random."""

from __future__ import annotations

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

from tests.kits.objects import digit_loaders


class OwnSplit(LightningDataModule):
    """200 of the bundled digits: 100 for training, 50 each for validation and test."""

    num_classes = 10

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed

    def setup(self, stage: str) -> None:
        """Read and split; a second call, of another stage, changes nothing."""
        if not hasattr(self, "parts"):
            inputs, labels = digit_loaders()[0].dataset[:200]
            generator = torch.Generator().manual_seed(self.seed)
            samples = TensorDataset(inputs, labels)
            self.parts = random_split(samples, (100, 50, 50), generator=generator)

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader(0)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader(1)

    def test_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader(2)

    def _loader(self, part: int) -> DataLoader[tuple[Tensor, ...]]:
        chosen: Subset[tuple[Tensor, ...]] = self.parts[part]
        return DataLoader(chosen, batch_size=32, shuffle=part == 0)
