"""Loaders over images in memory: whole batches by index, without worker processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from paretoprune.data.augment import Augmentation, Moves, draw_moves, move_images
from paretoprune.data.labelled import LabelledImages
from paretoprune.data.normalise import Normaliser
from paretoprune.tasks.inputs import Keyed


def batch_starts(count: int, batch_size: int) -> range:
    """Return the first sample of each batch, without a last batch of a single sample."""
    alone = count % batch_size == 1 and batch_size > 1
    return range(0, count - alone, batch_size)


class TrainLoader:
    """Shuffled, augmented batches ((x, y), key), on the device of the images.

    x: (N, C, H, W) float32; y: (N,) int64; key: (N,) int64, view * num_train + index of the sample.
    Equal keys mean equal x. The first pass is epoch 0; each further pass is the next epoch. Epoch e
    shows view e modulo the number of views. A last batch of a single sample is dropped, since
    BatchNorm cannot train on it.
    """

    def __init__(
        self,
        part: LabelledImages,
        normalise: Normaliser,
        augmentation: Augmentation,
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        self.batch_size = batch_size
        self.epoch = 0  # of the next pass; may be set to continue a training
        self.num_keys = augmentation.num_views * len(part)
        self._part = part
        self._normalise = normalise
        self._augmentation = augmentation
        self._seed = seed

    def __len__(self) -> int:
        return len(self._starts())

    def __iter__(self) -> Iterator[Keyed]:
        # As this is a generator, an iterator that is never read does not count as an epoch:
        # Lightning creates one more than it reads.
        epoch = self.epoch
        self.epoch += 1
        part, device = self._part, self._device
        view = epoch % self._augmentation.num_views
        moves = self._moves(view)
        order = torch.from_numpy(_order(len(part), self._seed, epoch)).to(device)
        for start in self._starts():
            index = order[start : start + self.batch_size]
            images = part.images.index_select(0, index)
            if moves is not None:
                chosen = Moves(moves.rows[index], moves.columns[index], moves.mirrored[index])
                images = move_images(images, chosen, self._augmentation)
            key = index + view * len(part)
            yield Keyed((self._normalise(images), part.labels[index]), key)

    def _starts(self) -> range:
        return batch_starts(len(self._part), self.batch_size)

    def _moves(self, view: int) -> Moves | None:
        if not (self._augmentation.shift or self._augmentation.flip):
            return None
        moves = draw_moves(self._augmentation, len(self._part), seed=self._seed, view=view)
        device = self._device
        return Moves(moves.rows.to(device), moves.columns.to(device), moves.mirrored.to(device))

    @property
    def _device(self) -> torch.device:
        labels = self._part.labels
        return labels.device


class OrderedLoader:
    """Batches (x, y) of all samples in order, without augmentation, for evaluation."""

    def __init__(self, part: LabelledImages, normalise: Normaliser, *, batch_size: int) -> None:
        self.batch_size = batch_size
        self._part = part
        self._normalise = normalise

    def __len__(self) -> int:
        return -(-len(self._part) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self._part), self.batch_size):
            chosen = slice(start, start + self.batch_size)
            yield self._normalise(self._part.images[chosen]), self._part.labels[chosen]


def _order(num_samples: int, seed: int, epoch: int) -> np.ndarray:
    # The third number makes this independent of the moves, which are drawn from (seed, view).
    return np.random.default_rng((seed, epoch, 1)).permutation(num_samples)
