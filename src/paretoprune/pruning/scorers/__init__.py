"""Scorers: how important each channel of each group is, higher for more important."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Block, Group
from paretoprune.pruning.scorers.apoz import Apoz
from paretoprune.pruning.scorers.block_influence import block_influence
from paretoprune.pruning.scorers.bn_scale import BatchNormScale
from paretoprune.pruning.scorers.cosine import Cosine
from paretoprune.pruning.scorers.fisher import Fisher
from paretoprune.pruning.scorers.fpgm import Fpgm
from paretoprune.pruning.scorers.gates import GateScores
from paretoprune.pruning.scorers.grasp import Grasp
from paretoprune.pruning.scorers.lamp import Lamp
from paretoprune.pruning.scorers.magnitude import Magnitude
from paretoprune.pruning.scorers.mean_activation import MeanActivation
from paretoprune.pruning.scorers.movement import Movement
from paretoprune.pruning.scorers.normalise import normalise
from paretoprune.pruning.scorers.obd import Obd
from paretoprune.pruning.scorers.obs import Obs
from paretoprune.pruning.scorers.random import Random
from paretoprune.pruning.scorers.reconstruction import Reconstruction
from paretoprune.pruning.scorers.snip import Snip
from paretoprune.pruning.scorers.synflow import SynFlow
from paretoprune.pruning.scorers.taylor import Taylor
from paretoprune.pruning.scorers.taylor_activation import TaylorActivation
from paretoprune.pruning.scorers.wanda import Wanda

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


__all__ = [
    "Apoz",
    "BatchNormScale",
    "Cosine",
    "Fisher",
    "Fpgm",
    "GateScores",
    "Grasp",
    "Lamp",
    "Magnitude",
    "MeanActivation",
    "Movement",
    "Obd",
    "Obs",
    "Random",
    "Reconstruction",
    "Scorer",
    "Snip",
    "SynFlow",
    "Taylor",
    "TaylorActivation",
    "Wanda",
    "WeightScorer",
    "normalise",
    "score_groups",
]
