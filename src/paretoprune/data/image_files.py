"""Data module for image files: decoded, cropped and flipped by worker processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets.folder import default_loader
from torchvision.transforms import v2

from paretoprune.errors import DataError
from paretoprune.results import DataInfo, Preprocessing

Samples = list[tuple[str, int]]  # file and class number
_RESIZE = 256 / 224  # shorter side over the size of the centre crop, for evaluation


class ImageFiles(LightningDataModule):
    """Image files, read during training: batches (x, y), x (N, 3, size, size) float32."""

    def __init__(
        self,
        samples: Mapping[str, Samples],
        *,
        info: DataInfo,
        mean: Sequence[float],
        std: Sequence[float],
        batch_size: int,
        seed: int,
        workers: int,
    ) -> None:
        """Set up the transforms; `samples` has the parts "train", "validation" and "test"."""
        super().__init__()
        self.info = info
        self.batch_size = batch_size
        size = info.input_shape[-1]
        self.preprocessing = Preprocessing(
            255.0, tuple(mean), tuple(std), "RGB", resize=round(size * _RESIZE), crop=size
        )
        end = [
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(list(mean), list(std)),
        ]
        cropped = [v2.RandomResizedCrop(size), v2.RandomHorizontalFlip()]
        centred = [v2.Resize(self.preprocessing.resize), v2.CenterCrop(size)]
        self._augmented = v2.Compose(cropped + end)
        self._plain = v2.Compose(centred + end)
        self.samples = samples
        self._seed = seed
        self._workers = workers

    def train_dataloader(self) -> DataLoader[Any]:
        # BatchNorm cannot train on a last batch of one sample.
        alone = self.info.num_train % self.batch_size == 1 and self.batch_size > 1
        return self._loader("train", self._augmented, shuffle=True, drop_last=alone)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader("validation", self._plain)

    def test_dataloader(self) -> DataLoader[Any]:
        return self._loader("test", self._plain)

    def _loader(
        self, part: str, transform: v2.Compose, *, shuffle: bool = False, drop_last: bool = False
    ) -> DataLoader[Any]:
        return DataLoader(
            _Decoded(self.samples[part], transform),
            batch_size=self.batch_size,
            shuffle=shuffle,
            drop_last=drop_last,
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator().manual_seed(self._seed),
        )


class _Decoded(Dataset[tuple[Tensor, int]]):
    def __init__(self, samples: Samples, transform: v2.Compose) -> None:
        self._samples = samples
        self._transform = transform

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self._samples[index]
        try:
            picture = default_loader(path)
        except OSError as error:
            raise DataError(
                f"{path} cannot be read as an image; repair or remove the file"
            ) from error
        return self._transform(picture), label
