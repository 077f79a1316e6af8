"""Data and a scorer like a user's own: named by `_target_`, with custom arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

from tests.kits.objects import digit_loaders


class Stripes(LightningDataModule):
    """Images (n, 1, 8, 8) with stripes along one of two axes."""

    def __init__(self, num_samples: int = 64, seed: int = 0) -> None:
        super().__init__()
        labels = torch.arange(num_samples) % 2
        images = torch.zeros(num_samples, 1, 8, 8)
        images[labels == 0, :, ::2] = 1.0
        images[labels == 1, :, :, ::2] = 1.0
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
        self._samples = TensorDataset(images + 0.1 * noise, labels)

    def train_dataloader(self) -> DataLoader[Any]:
        """The training data."""
        return DataLoader(self._samples, 16)

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation data."""
        return DataLoader(self._samples, 16)


class Largest:
    """Scores each channel by its largest weight."""

    def __call__(self, model: Any, channels: Any, batches: Any) -> Mapping[str, Tensor]:
        """Not needed by the checks of settings."""
        raise NotImplementedError


class Broken(Stripes):
    """Fails at a sample of the training data, in a worker process where there is one."""

    def __init__(self, workers: int = 0) -> None:
        super().__init__()
        self._workers = workers

    def train_dataloader(self) -> DataLoader[Any]:
        """The broken data."""
        return DataLoader(_BrokenSamples(), 16, num_workers=self._workers)


class _BrokenSamples:
    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if index == 20:
            raise ValueError("the sample is broken")
        return torch.zeros(1, 8, 8), index % 2


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
