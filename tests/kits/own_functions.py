"""A task of functions: which of four quarters of a vector have a positive sum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

Batch = Mapping[str, Any]
NOT_A_FUNCTION = 3


def inputs(batch: Batch) -> Tensor:
    """The vector of a batch `{"vector", "signs"}`."""
    found: Tensor = batch["vector"]
    return found


def loss(outputs: Tensor, batch: Batch) -> Tensor:
    """Binary cross-entropy."""
    return binary_cross_entropy_with_logits(outputs, batch["signs"])


def loss_of_model(model: nn.Module, batch: Batch) -> Tensor:
    """The same, from the model."""
    return loss(model(batch["vector"]), batch)


def score(outputs: Tensor, batch: Batch) -> Tensor:
    """The share of right signs of each sample."""
    return ((outputs > 0) == (batch["signs"] > 0)).float().mean(1)


def score_of_model(model: nn.Module, loader: Iterable[Batch]) -> float:
    """The share of right signs in all of the data, in one pass after another."""
    scores = [torch.cat([score(model(batch["vector"]), batch) for batch in loader]) for _ in "ab"]
    assert torch.equal(*scores)
    return float(scores[0].mean())


def broken(outputs: Tensor, batch: Batch) -> Tensor:
    """Fails."""
    raise RuntimeError("no such column")


def net() -> nn.Module:
    """Return a network of two hidden layers."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 4)
    )


def batches(count: int, *, seed: int = 0) -> list[dict[str, Tensor]]:
    """Return `count` batches of 32 samples."""
    generator = torch.Generator().manual_seed(seed)
    vectors = [torch.randn(32, 16, generator=generator) for _ in range(count)]
    return [{"vector": x, "signs": (x.reshape(-1, 4, 4).sum(2) > 0).float()} for x in vectors]
