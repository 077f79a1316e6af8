"""Interfaces of scorers, and the scores of all groups of a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Block, Group
from paretoprune.pruning.scorers.activation.block_influence import block_influence

_BLOCK_BATCHES = 4  # by which blocks are scored


class Scorer(Protocol):
    """What every scorer is: a function of model, groups and training batches."""

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Iterable[Sequence[Tensor]]
    ) -> dict[str, Tensor]:
        """Finite float32 scores on the CPU by group name, shape (width,)."""
        ...


@runtime_checkable
class WeightScorer(Protocol):
    """What a scorer is that also scores single weights, for granularities finer than channels."""

    def per_weight(
        self, model: nn.Module, tensors: Sequence[str], batches: Iterable[Sequence[Tensor]]
    ) -> dict[str, Tensor]:
        """Finite float32 scores on the CPU by tensor name, shaped like the model's tensor."""
        ...


@runtime_checkable
class BlockScorer(Protocol):
    """What a scorer is that has a way of its own to score residual blocks."""

    def per_block(
        self, model: nn.Module, blocks: Sequence[Block], batches: Iterable[Sequence[Tensor]]
    ) -> list[float]:
        """A finite score for each block, higher for more important."""
        ...


def score_groups(
    scorer: Scorer,
    model: nn.Module,
    groups: Sequence[Group],
    batches: Iterable[Sequence[Tensor]],
) -> dict[str, Tensor]:
    """Scores of channels by the scorer, and of blocks by `per_block` or else `block_influence`.

    Channels that lie in blocks that are gone count zero.
    """
    blocks = {group.name: group.block for group in groups if group.block and group.width}
    batches = iter(batches)
    first = list(islice(batches, _BLOCK_BATCHES)) if blocks else []
    rate = scorer.per_block if isinstance(scorer, BlockScorer) else block_influence
    rates = rate(model, list(blocks.values()), first) if blocks else []
    channels = [group for group in groups if group.slots]
    scores = {group.name: torch.zeros(group.width) for group in groups}
    scores.update(scorer(model, channels, chain(first, batches)) if channels else {})
    scores.update({name: torch.tensor([one]) for name, one in zip(blocks, rates, strict=True)})
    return scores
