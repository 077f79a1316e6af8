"""Sparsity patterns within a layer: single weights, N:M, or blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Pattern(Protocol):
    """Sparsity pattern: divides a layer's weight into units of equal size, kept or zeroed.

    The search counts units as it counts channels of a group: a pruning ratio is the share of units
    set to zero. Weights are those of convolutions and linear layers, (outputs, inputs, kernel ...).
    All methods are pure functions of shapes and scores; none raises for a weight for which `units`
    is not None.
    """

    def units(self, shape: Sequence[int]) -> int | None:
        """Return the number of units of a weight of this shape; None if it does not fit."""

    def unit_scores(self, scores: Tensor) -> Tensor:
        """Reduce scores of the weight's shape to scores per unit: (units,)."""

    def mask(self, scores: Tensor, keep: int) -> Tensor:
        """Return the mask of the weight's shape (True = kept) that keeps `keep` units.

        The best-scored units are kept; of equal ones the first. Masks are nested: the units kept at
        a smaller `keep` are among those kept at a larger one.
        """


@dataclass(frozen=True)
class Weights:
    """Unstructured sparsity: single weights, anywhere in the layer."""

    def units(self, shape: Sequence[int]) -> int | None:
        """Return the number of weights."""
        return math.prod(shape)

    def unit_scores(self, scores: Tensor) -> Tensor:
        """Return the scores unchanged, flattened."""
        return scores.flatten()

    def mask(self, scores: Tensor, keep: int) -> Tensor:
        """Keep the best `keep` weights of the layer."""
        return _best(scores.flatten()[None], keep).reshape(scores.shape)


@dataclass(frozen=True)
class NofM:
    """N:M sparsity: of every `m` consecutive weights along a layer's inputs, N are kept (2:4, ...).

    Mishra et al. 2021 (Accelerating Sparse Deep Neural Networks) for 2:4. A layer has `m` units:
    keeping N of them is the pattern N:m.
    """

    m: int

    def units(self, shape: Sequence[int]) -> int | None:
        """Return `m` if the number of inputs is a multiple of it."""
        return self.m if shape[1] % self.m == 0 else None

    def unit_scores(self, scores: Tensor) -> Tensor:
        """Return the mean over rows of the smallest scores, of the second smallest, and so on."""
        return self._rows(scores).sort(1).values.mean(0)

    def mask(self, scores: Tensor, keep: int) -> Tensor:
        """Keep the best `keep` of every `m` consecutive weights."""
        last = scores.movedim(1, -1)
        return _best(self._rows(scores), keep).reshape(last.shape).movedim(-1, 1)

    def _rows(self, scores: Tensor) -> Tensor:
        return scores.movedim(1, -1).reshape(-1, self.m)


@dataclass(frozen=True)
class WeightBlocks:
    """Block sparsity: `rows` outputs by `columns` inputs, at one kernel position."""

    rows: int
    columns: int

    def units(self, shape: Sequence[int]) -> int | None:
        """Return the number of blocks if they cover the weight exactly."""
        if shape[0] % self.rows or shape[1] % self.columns:
            return None
        return math.prod(shape) // (self.rows * self.columns)

    def unit_scores(self, scores: Tensor) -> Tensor:
        """Return the sum of the scores in each block."""
        return self._blocks(scores).sum((1, 3)).flatten()

    def mask(self, scores: Tensor, keep: int) -> Tensor:
        """Keep the best `keep` blocks of the layer."""
        blocks = self._blocks(scores)
        sums = blocks.sum((1, 3), keepdim=True)
        best = _best(sums.flatten()[None], keep).reshape(sums.shape)
        return best.expand(blocks.shape).reshape(scores.shape)

    def _blocks(self, scores: Tensor) -> Tensor:
        """Reshape to (blocks of outputs, rows, blocks of inputs, columns, kernel positions)."""
        first, second = scores.shape[:2]
        return scores.reshape(
            first // self.rows, self.rows, second // self.columns, self.columns, -1
        )


def _best(rows: Tensor, keep: int) -> Tensor:
    """Return True for the best `keep` entries of each row; of equal ones the first."""
    order = torch.argsort(rows, dim=1, descending=True, stable=True)
    mask = torch.zeros_like(rows, dtype=torch.bool)
    return mask.scatter_(1, order[:, :keep], True)
