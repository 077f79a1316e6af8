"""Data and a scorer like a user's own: named by `_target_`, with custom arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


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
