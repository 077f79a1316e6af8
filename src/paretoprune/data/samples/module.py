"""Data module of samples in memory: any number of input tensors, and one of targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from lightning import LightningDataModule
from torch import Tensor

from paretoprune.data.loaders import batch_starts
from paretoprune.errors import DataError
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import Keyed

_ORDERED_BATCH_SIZE = 512


@dataclass(frozen=True)
class Samples:
    """Samples of one part: every tensor has one row for each sample."""

    inputs: tuple[Tensor, ...]
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, index: Tensor | np.ndarray | slice) -> Samples:
        """Return the samples at these rows."""
        chosen = torch.from_numpy(index) if isinstance(index, np.ndarray) else index
        return Samples(tuple(one[chosen] for one in self.inputs), self.targets[chosen])

    @property
    def batch(self) -> tuple[Tensor | list[Tensor], Tensor]:
        """Inputs and targets; of several inputs, their list."""
        return (self.inputs[0] if len(self.inputs) == 1 else [*self.inputs]), self.targets


class SampleTensors(LightningDataModule):
    """Training, validation and test samples in memory. Equal loaders give equal batches."""

    def __init__(
        self,
        train: Samples,
        validation: Samples,
        test: Samples,
        *,
        split: str,
        batch_size: int,
        seed: int,
        class_names: tuple[str, ...] = (),
    ) -> None:
        """`split` says in a sentence where the parts are from.

        Raises:
            DataError: a part has no samples.
        """
        super().__init__()
        self.parts = {"train": train, "validation": validation, "test": test}
        if empty := [name for name, part in self.parts.items() if not len(part)]:
            raise DataError(f"there are no {empty[0]} samples: give more rows of data")
        self.batch_size = batch_size
        self.seed = seed
        self.info = DataInfo(
            num_classes=len(class_names),
            input_shape=tuple(train.inputs[0].shape[1:]),
            num_train=len(train),
            num_validation=len(validation),
            num_test=len(test),
            split=split,
            class_names=class_names,
        )

    def train_dataloader(self) -> ShuffledLoader:
        return ShuffledLoader(self.parts["train"], batch_size=self.batch_size, seed=self.seed)

    def val_dataloader(self) -> OrderedSamples:
        return OrderedSamples(self.parts["validation"])

    def test_dataloader(self) -> OrderedSamples:
        return OrderedSamples(self.parts["test"])


class ShuffledLoader:
    """Batches of all training samples in another order each epoch, with the keys of the samples.

    A last batch of a single sample is dropped, since BatchNorm cannot train on it.
    """

    def __init__(self, part: Samples, *, batch_size: int, seed: int) -> None:
        self.batch_size = batch_size
        self.epoch = 0  # of the next pass; may be set to continue a training
        self.num_keys = len(part)
        self._part = part
        self._seed = seed

    def __len__(self) -> int:
        return len(self._starts())

    def __iter__(self) -> Iterator[Keyed]:
        # A generator: an iterator that is never read does not count as an epoch.
        epoch = self.epoch
        self.epoch += 1
        generator = np.random.default_rng((self._seed, epoch, 1))
        order = torch.from_numpy(generator.permutation(len(self._part)))
        for start in self._starts():
            key = order[start : start + self.batch_size]
            yield Keyed(self._part.take(key).batch, key)

    def _starts(self) -> range:
        return batch_starts(len(self._part), self.batch_size)


class OrderedSamples:
    """Batches of all samples in order, for evaluation."""

    def __init__(self, part: Samples, *, batch_size: int = _ORDERED_BATCH_SIZE) -> None:
        self.batch_size = batch_size
        self._part = part

    def __len__(self) -> int:
        return -(-len(self._part) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor | list[Tensor], Tensor]]:
        for start in range(0, len(self._part), self.batch_size):
            yield self._part.take(slice(start, start + self.batch_size)).batch


def standardised(part: Samples, train: Samples) -> Samples:
    """Return the part with the targets' mean and standard deviation over the training part as 0
    and 1."""
    mean, std = train.targets.mean(0), train.targets.std(0).clamp_min(1e-12)
    return Samples(part.inputs, (part.targets - mean) / std)


def split_at_random(
    samples: Samples, *, shares: tuple[float, float], seed: int
) -> tuple[Samples, Samples, Samples]:
    """Return training, validation and test samples; `shares` are those of the last two."""
    order = np.random.default_rng((seed, 2)).permutation(len(samples))
    num_validation, num_test = (round(share * len(samples)) for share in shares)
    test, validation, train = np.split(order, [num_test, num_test + num_validation])
    return samples.take(train), samples.take(validation), samples.take(test)
