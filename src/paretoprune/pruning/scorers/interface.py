"""Interfaces of scorers, and `score_groups`, which scores all groups of a network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Block, Group
from paretoprune.pruning.scorers.parts.block_influence import block_influence
from paretoprune.pruning.scorers.parts.channels import Batches

_BLOCK_BATCHES = 4  # calibration batches for scoring blocks


class Scorer(Protocol):
    """Importance of channels: a function of a model, its groups and calibration batches.

    A scorer is called before each pruning step with the current model, so that scores follow
    iterative pruning. `groups` are in the coordinates of that model; `batches` yields batches of
    the training data, each of which knows its `inputs`, its number of samples (`len`) and the
    `loss(model)`, whatever the task; a scorer takes as many as it needs. Scores of a group are
    compared with each other; `normalise` makes those of different groups comparable.

    The model must be left as it was: weights, modes, buffers and `requires_grad`. Options, such as
    the number of samples, are fields of the scorer's dataclass and are set in its config.

    Raises:
        PruningError: the scorer cannot be applied to a group, or a score is not finite.
    """

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Return finite float32 scores on the CPU by group name, shape (width,)."""
        ...


@runtime_checkable
class WeightScorer(Protocol):
    """A scorer that also scores single weights, for granularities finer than channels.

    It is required by unstructured, N:M and block sparsity (`MaskedCandidate`). The conditions of
    `Scorer` hold: the model is left as it was, and higher means more important.
    """

    def per_weight(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return finite float32 scores on the CPU by tensor name, shaped like the model's tensor.

        `tensors` are names of weights of convolutions and linear layers in `model`.
        """
        ...


@runtime_checkable
class BlockScorer(Protocol):
    """A scorer with its own score for residual blocks; others use `block_influence`."""

    def per_block(self, model: nn.Module, blocks: Sequence[Block], batches: Batches) -> list[float]:
        """Return a finite score for each block, in their order; higher is more important."""
        ...


def score_groups(
    scorer: Scorer,
    model: nn.Module,
    groups: Sequence[Group],
    batches: Batches,
) -> dict[str, Tensor]:
    """Score all groups: channels by the scorer, blocks by `per_block` or else `block_influence`.

    Returns float32 scores (width,) by group name. Groups whose channels all lie in removed blocks
    score zero.
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
