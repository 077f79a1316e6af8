"""Which weights of a layer can go by themselves: any, N of every M, or whole blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Pattern(Protocol):
    """A pattern divides a weight into units of equally many weights; the ratio counts units."""

    def units(self, shape: Sequence[int]) -> int | None:
        """How many units a weight of this shape has; None where the pattern does not fit it."""

    def unit_scores(self, scores: Tensor) -> Tensor:
        """Scores per weight, shaped like the weight, as scores per unit: (units,)."""

    def mask(self, scores: Tensor, keep: int) -> Tensor:
        """True where a weight stays, shaped like the weight, with `keep` of its units left.

        The best-scored stay; of equal ones the first. Fewer units are always among more units.
        """


@dataclass(frozen=True)
class Weights:
    """Single weights, anywhere in the layer."""

    def units(self, shape: Sequence[int]) -> int | None:
        """Every weight is one."""
        return math.prod(shape)

    def unit_scores(self, scores: Tensor) -> Tensor:
        """The scores as they are."""
        return scores.flatten()

    def mask(self, scores: Tensor, keep: int) -> Tensor:
        """The best `keep` weights of the layer."""
        return _best(scores.flatten()[None], keep).reshape(scores.shape)


@dataclass(frozen=True)
class NofM:
    """Of every `m` weights in a row along a layer's inputs, equally many stay (2 of 4, ...).

    A unit is what one more of every `m` makes: a layer has `m` of them, and keeping N units is the
    pattern N:m.
    """

    m: int

    def units(self, shape: Sequence[int]) -> int | None:
        """`m`, where the number of inputs is a multiple of it."""
        return self.m if shape[1] % self.m == 0 else None

    def unit_scores(self, scores: Tensor) -> Tensor:
        """The mean of the smallest scores of all rows, of the second smallest, and so on."""
        return self._rows(scores).sort(1).values.mean(0)

    def mask(self, scores: Tensor, keep: int) -> Tensor:
        """The best `keep` of every `m` in a row."""
        last = scores.movedim(1, -1)
        return _best(self._rows(scores), keep).reshape(last.shape).movedim(-1, 1)

    def _rows(self, scores: Tensor) -> Tensor:
        return scores.movedim(1, -1).reshape(-1, self.m)


@dataclass(frozen=True)
class WeightBlocks:
    """Blocks of `rows` outputs by `columns` inputs; in convolutions, at one place of the kernel."""

    rows: int
    columns: int

    def units(self, shape: Sequence[int]) -> int | None:
        """The number of blocks, where they cover the weight exactly."""
        if shape[0] % self.rows or shape[1] % self.columns:
            return None
        return math.prod(shape) // (self.rows * self.columns)

    def unit_scores(self, scores: Tensor) -> Tensor:
        """The sum of the scores in a block."""
        return self._blocks(scores).sum((1, 3)).flatten()

    def mask(self, scores: Tensor, keep: int) -> Tensor:
        """The best `keep` blocks of the layer."""
        blocks = self._blocks(scores)
        sums = blocks.sum((1, 3), keepdim=True)
        best = _best(sums.flatten()[None], keep).reshape(sums.shape)
        return best.expand(blocks.shape).reshape(scores.shape)

    def _blocks(self, scores: Tensor) -> Tensor:
        """(blocks of outputs, rows, blocks of inputs, columns, kernel places)."""
        first, second = scores.shape[:2]
        return scores.reshape(
            first // self.rows, self.rows, second // self.columns, self.columns, -1
        )


def _best(rows: Tensor, keep: int) -> Tensor:
    """True for the best `keep` of each row; of equal ones the first."""
    order = torch.argsort(rows, dim=1, descending=True, stable=True)
    mask = torch.zeros_like(rows, dtype=torch.bool)
    return mask.scatter_(1, order[:, :keep], True)
