"""Symmetric quantization of weights to 2 to 8 bits, with one step size per output channel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from paretoprune.errors import QuantizationError
from paretoprune.formats.compact import Rounded

BITS = range(2, 9)  # per weight; 2 bits are three levels
_CLIPS = 40  # clipping thresholds tried below 8 bits, from half the largest weight up to it
_SMALLEST = 0.5


def check_bits(bits: int) -> None:
    """Check that a symmetric grid of `bits` bits exists.

    Raises:
        QuantizationError: it does not.
    """
    if bits not in BITS:
        raise QuantizationError(
            f"weights cannot be rounded to {bits} bit{'' if bits == 1 else 's'}: a symmetric grid "
            f"has from {BITS[0]} (-1, 0, 1) to {BITS[-1]} bits (-127 to 127)"
        )


@dataclass(frozen=True)
class WeightGrid:
    """Levels of a weight: step sizes by row, in float64 on the CPU, as they are stored."""

    steps: Tensor  # (outputs x groups,)
    exponent: int
    levels: int  # from -levels to levels

    def at(self, columns: Tensor) -> Tensor:
        """Return the levels of columns (outputs x groups, n), in float64."""
        return _codes(columns, self.steps, self.levels)

    def rounded(self, codes: Tensor) -> Rounded:
        """Return the weight with these levels, shaped like the weight."""
        scales = _as_scales(self.steps, self.exponent)
        return Rounded(codes.to(torch.int8).numpy(), scales, self.exponent)


@torch.no_grad()
def grid_of(name: str, weight: Tensor, bits: int, *, group: int | None = None) -> WeightGrid:
    """Return the grid of a weight (outputs, ...): `2**bits - 1` levels around zero.

    Each output has a step size or, with `group`, each group of `group` consecutive inputs of it. At
    8 bits the largest weight of a row is the last level. With fewer bits, the step size of least
    squared error among 40 clipping thresholds is used.

    Raises:
        QuantizationError: the weight holds NaN or infinity, or there is no grid of `bits` bits.
    """
    check_bits(bits)
    rows = _rows(weight, group)
    if not torch.isfinite(rows).all():
        raise QuantizationError(f"`{name}` holds NaN or infinity and cannot be rounded")
    levels = 2 ** (bits - 1) - 1
    largest = rows.abs().amax(1) if rows.shape[1] else rows.new_zeros(len(rows))
    exponent = _exponent(largest / levels)
    steps = _storable(largest / levels, exponent)
    if bits < BITS[-1]:
        steps = _best_steps(rows, largest, levels, exponent)
    return WeightGrid(steps, exponent, levels)


def round_weight(name: str, weight: Tensor, bits: int) -> Rounded:
    """Round the weight (outputs, ...) to the nearest level of its grid of `bits` bits.

    Raises:
        QuantizationError: the weight holds NaN or infinity, or there is no grid of `bits` bits.
    """
    grid = grid_of(name, weight, bits)
    return grid.rounded(grid.at(_rows(weight)).reshape(weight.shape))


def rescaled(weight: Rounded, factor: Tensor) -> Rounded:
    """Multiply the step sizes of the outputs by `factor` (outputs,); codes are unchanged."""
    steps = torch.from_numpy(weight.scales.astype(np.float64)) * 2.0**weight.exponent
    factors = factor.detach().cpu().to(torch.float64)
    steps = steps * factors.repeat_interleave(len(steps) // max(1, len(factors)))
    exponent = _exponent(steps.abs())
    return replace(weight, scales=_as_scales(steps, exponent), exponent=exponent)


def _rows(weight: Tensor, group: int | None = None) -> Tensor:
    """Return the weights in float64 on the CPU, with a row for each step size."""
    rows = weight.detach().cpu().to(torch.float64).flatten(1)
    return rows.reshape(-1, group) if group else rows


def _as_scales(steps: Tensor, exponent: int) -> NDArray[np.float16]:
    return (steps / 2.0**exponent).numpy().astype(np.float16)


def _exponent(steps: Tensor) -> int:
    """Return the power of two that scales the largest step to [1, 2); 0 if all are 0."""
    largest = float(steps.max()) if steps.numel() else 0.0
    return int(np.frexp(largest)[1]) - 1 if largest > 0 else 0


def _storable(steps: Tensor, exponent: int) -> Tensor:
    """Round the steps to values that float16 and the exponent represent, so that codes fit the
    stored grid."""
    return (steps / 2.0**exponent).to(torch.float16).to(torch.float64) * 2.0**exponent


def _codes(rows: Tensor, steps: Tensor, levels: int) -> Tensor:
    """Return the level of each weight; 0 where a row has step size 0."""
    safe = torch.where(steps > 0, steps, torch.ones_like(steps))[:, None]
    codes = (rows / safe).round().clamp(-levels, levels)
    return torch.where(steps[:, None] > 0, codes, torch.zeros_like(codes))


def _best_steps(rows: Tensor, largest: Tensor, levels: int, exponent: int) -> Tensor:
    best = _storable(largest / levels, exponent)
    least = torch.full_like(largest, torch.inf)
    for clip in torch.linspace(1.0, _SMALLEST, _CLIPS, dtype=torch.float64).tolist():
        steps = _storable(clip * largest / levels, exponent)
        error = (rows - _codes(rows, steps, levels) * steps[:, None]).square().sum(1)
        best = torch.where(error < least, steps, best)
        least = torch.minimum(error, least)
    return best
