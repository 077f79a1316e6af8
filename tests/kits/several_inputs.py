"""Small tasks of a user's own with several inputs: ratings of two ids, and padded sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from lightning import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Batch, Outputs
from paretoprune.tasks.output_task import OutputTask

USERS, ITEMS, WORDS = 20, 30, 12


class Towers(nn.Module):
    """Takes a user and an item by number, and returns a rating and the user's vector."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.users = nn.Embedding(USERS, width)
        self.items = nn.Embedding(ITEMS, width)
        self.mixed = nn.Linear(2 * width, 2 * width)
        self.head = nn.Linear(2 * width, 1)

    def forward(self, user: Tensor, item: Tensor) -> dict[str, Tensor]:
        vector = self.users(user)
        both = torch.cat([vector, self.items(item)], 1)
        return {"rating": self.head(self.mixed(both).relu())[:, 0], "vector": vector.detach()}


class Ratings(OutputTask):
    """Batches ((user, item), rating); the mean absolute error is the first quality."""

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        return (QUANTITIES["mae"], QUANTITIES["loss"])

    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        found: Tensor = (outputs["rating"] - targets).square()
        return found

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        return {"mae": _Error()}

    def per_sample(self, outputs: Outputs, targets: Any) -> Tensor:
        found: Tensor = (outputs["rating"] - targets).abs()
        return found

    def trivial(self, train: Any, validation: Any) -> Mapping[str, float]:
        return {"mae": self.trivial_scores(train, validation).mean().item()}

    def trivial_scores(self, train: Any, test: Any) -> Tensor:
        median = torch.cat([ratings for _, ratings in train]).median()
        return (torch.cat([ratings for _, ratings in test]) - median).abs()


class _Error:
    """The mean absolute error of `rating`."""

    def __init__(self) -> None:
        self._errors: list[Tensor] = []

    def to(self, device: torch.device) -> _Error:
        return self

    def update(self, outputs: Outputs, targets: Tensor) -> None:
        self._errors.append((outputs["rating"] - targets).abs())

    def compute(self) -> Tensor:
        return torch.cat(self._errors).mean()


class RatingData(LightningDataModule):
    """Ratings that are the sum of a user's and an item's mean."""

    meanings: ClassVar = {"user": "number of the user", "rating": "stars, 1 to 5"}

    def train_dataloader(self) -> DataLoader[Any]:
        return _ratings(512, seed=1)

    def val_dataloader(self) -> DataLoader[Any]:
        return _ratings(64, seed=2)

    def test_dataloader(self) -> DataLoader[Any]:
        return _ratings(64, seed=3)


def _ratings(count: int, *, seed: int) -> DataLoader[Any]:
    generator = torch.Generator().manual_seed(seed)
    users = torch.randint(USERS, (count,), generator=generator)
    items = torch.randint(ITEMS, (count,), generator=generator)
    ratings = 1.0 + (users % 3 + items % 3).float()
    sets = TensorDataset(users, items, ratings)
    return DataLoader(sets, batch_size=32, collate_fn=_pairs)


def _pairs(samples: list[tuple[Tensor, Tensor, Tensor]]) -> Batch:
    users, items, ratings = (torch.stack(column) for column in zip(*samples, strict=True))
    return (users, items), ratings


class Words(nn.Module):
    """A classifier of padded sequences of words, by the mean over those that are there."""

    def __init__(self, num_classes: int, width: int = 8) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, width)
        self.hidden = nn.Linear(width, 2 * width)
        self.head = nn.Linear(2 * width, num_classes)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, scale: float = 1.0
    ) -> Tensor:
        hidden = self.hidden(self.words(input_ids)).relu()
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        mask = attention_mask[..., None].to(hidden.dtype)
        found: Tensor = self.head((hidden * mask).sum(1) / mask.sum(1).clamp_min(1.0))
        return found * scale


class WordData(LightningDataModule):
    """Mappings with `input_ids`, `attention_mask` and `labels`, as of a tokenizer."""

    num_classes = 2

    def train_dataloader(self) -> DataLoader[Any]:
        return _sentences(256, seed=1)

    def val_dataloader(self) -> DataLoader[Any]:
        return _sentences(64, seed=2)

    def test_dataloader(self) -> DataLoader[Any]:
        return _sentences(64, seed=3)


def _sentences(count: int, *, seed: int) -> DataLoader[Any]:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, WORDS, (count, 6), generator=generator)
    lengths = torch.randint(2, 7, (count, 1), generator=generator)
    mask = (torch.arange(6) < lengths).long()
    labels = ((ids < 4).long() * mask).sum(1).clamp_max(1)
    names = ("input_ids", "attention_mask", "labels")
    rows = [
        dict(zip(names, row, strict=True)) for row in zip(ids * mask, mask, labels, strict=True)
    ]
    return DataLoader(rows, batch_size=32)  # type: ignore[arg-type]


def example(model: nn.Module, count: int = 3) -> Inputs:
    """Return inputs of one of these networks."""
    generator = torch.Generator().manual_seed(0)
    if isinstance(model, Towers):
        numbers = (torch.randint(most, (count,), generator=generator) for most in (USERS, ITEMS))
        return Inputs(tuple(numbers))
    ids = torch.randint(1, WORDS, (count, 6), generator=generator)
    mask = (torch.arange(6) < torch.arange(2, 2 + count)[:, None]).long()
    return Inputs((), {"attention_mask": mask, "input_ids": ids, "scale": 2.0})
