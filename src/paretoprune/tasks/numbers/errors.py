"""Errors of predicted numbers: RMSE, MAE, MSE, MASE and R2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor


class MeanError:
    """The mean of |error|^power over all numbers, each divided by the scale of its column.

    With `is_root` it is the root of that mean. `scale` holds a number for each entry of the last
    axis, or a single one.
    """

    def __init__(
        self, power: Literal[1, 2], *, is_root: bool = False, scale: Sequence[float] = (1.0,)
    ) -> None:
        self._power = power
        self._is_root = is_root
        self._scale = torch.tensor(scale, dtype=torch.float64)
        self._sum = torch.zeros((), dtype=torch.float64)
        self._count = 0

    def to(self, device: torch.device) -> MeanError:
        """Return the metric with its sums on the device."""
        self._scale, self._sum = self._scale.to(device), self._sum.to(device)
        return self

    def update(self, predicted: Tensor, targets: Tensor) -> None:
        """Take in predictions and targets of the same shape."""
        errors = (predicted.double() - targets.double()) / self._scale
        self._sum = self._sum + errors.abs().pow(self._power).sum()
        self._count += errors.numel()

    def compute(self) -> Tensor:
        """Return the mean, or its root."""
        mean = self._sum / self._count
        return mean.sqrt() if self._is_root else mean


class R2:
    """Coefficient of determination, the mean over the columns of the last axis.

    1 - sum (y - p)^2 / sum (y - mean)^2, with the mean of the same targets. A column of equal
    targets counts 1 if it is predicted without error, and 0 otherwise, as in scikit-learn.
    """

    def __init__(self) -> None:
        self._sums: Tensor | None = None  # (4, columns): squared errors, targets, squares, counts
        self._origin: Tensor | None = None  # of the first targets: keeps the squares small

    def to(self, device: torch.device) -> R2:
        """Return the metric itself: its sums are made on the device of the first batch."""
        return self

    def update(self, predicted: Tensor, targets: Tensor) -> None:
        """Take in predictions and targets of the same shape, (N,) or (N, ..., columns)."""
        columns = targets.shape[-1] if targets.ndim > 1 else 1
        y = targets.double().reshape(-1, columns)
        errors = predicted.double().reshape(-1, columns) - y
        if self._origin is None:
            self._origin = y[0]
        y = y - self._origin
        counts = torch.full_like(self._origin, len(y))
        sums = torch.stack([errors.square().sum(0), y.sum(0), y.square().sum(0), counts])
        self._sums = sums if self._sums is None else self._sums + sums

    def compute(self) -> Tensor:
        """Return the mean over the columns."""
        assert self._sums is not None
        errors, total, squares, count = self._sums
        spread = squares - total.square() / count
        exact = torch.where(errors > 0, 0.0, 1.0).double()
        return torch.where(spread > 0, 1 - errors / spread, exact).mean()
