"""Token ids of texts in memory, their loaders, and the data module of three parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from torch import Tensor

from paretoprune.tasks.inputs import Keyed

_ORDERED_BATCH_SIZE = 256


@dataclass(frozen=True)
class Tokens:
    """Token ids of texts of several lengths, each row padded with zeros at its end."""

    ids: Tensor  # (N, L) int64
    lengths: Tensor  # (N,) int64
    labels: Tensor | None = None  # (N,) int64

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, index: Tensor | slice) -> dict[str, Tensor]:
        """Return rows as a model takes them, without the columns that are padding in all."""
        lengths = self.lengths[index]
        longest = int(lengths.max())
        mask = torch.arange(longest, device=lengths.device) < lengths[:, None]
        found = {"input_ids": self.ids[index, :longest], "attention_mask": mask.long()}
        return found if self.labels is None else {**found, "labels": self.labels[index]}


def padded(texts: Sequence[Sequence[int]], labels: Sequence[int] | None = None) -> Tokens:
    """Return lists of ids as one tensor, padded with zeros."""
    lengths = torch.tensor([len(text) for text in texts])
    ids = torch.zeros(len(texts), int(lengths.max()), dtype=torch.int64)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = torch.tensor(text)
    return Tokens(ids, lengths, None if labels is None else torch.tensor(labels))


class TokenLoader:
    """Batches of `Tokens`: in order, or in an order that is drawn anew for each pass.

    Shuffled batches are `Keyed`, with the index of each text as its key.
    """

    def __init__(self, dataset: Tokens, *, batch_size: int, shuffled_by: int | None) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.epoch = 0  # of the next pass; may be set to continue a training
        self.num_keys = len(dataset)
        self._seed = shuffled_by

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        if self._seed is None:
            for start in range(0, len(self.dataset), self.batch_size):
                yield self.dataset.batch(slice(start, start + self.batch_size))
            return
        generator = np.random.default_rng((self._seed, self.epoch))
        self.epoch += 1
        order = torch.from_numpy(generator.permutation(len(self.dataset)))
        for chosen in torch.split(order, self.batch_size):
            yield Keyed(self.dataset.batch(chosen), chosen)


class TokenData(LightningDataModule):
    """Training, validation and test texts in memory."""

    def __init__(
        self,
        parts: Mapping[str, Tokens],
        *,
        vocab_size: int,
        class_names: Sequence[str] = (),
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.parts = parts  # "train", "validation" and "test"
        self.vocab_size = vocab_size
        self.class_names = tuple(class_names)
        self.batch_size = batch_size
        self.seed = seed

    def train_dataloader(self) -> TokenLoader:
        return TokenLoader(self.parts["train"], batch_size=self.batch_size, shuffled_by=self.seed)

    def val_dataloader(self) -> TokenLoader:
        return self._ordered("validation")

    def test_dataloader(self) -> TokenLoader:
        return self._ordered("test")

    def _ordered(self, part: str) -> TokenLoader:
        size = _ORDERED_BATCH_SIZE
        return TokenLoader(self.parts[part], batch_size=size, shuffled_by=None)
