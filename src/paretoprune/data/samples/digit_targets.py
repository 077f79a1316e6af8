"""The bundled digits with other targets than their class."""

from __future__ import annotations

from typing import Literal

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from paretoprune.config.values import Positive
from paretoprune.data.samples.module import (
    Samples,
    SampleTensors,
    split_at_random,
    standardised,
)

_PROPERTIES = {"even": (0, 2, 4, 6, 8), "prime": (2, 3, 5, 7), "round": (0, 3, 6, 8, 9)}
Target = Literal["centre", "properties", "image"]


def digit_targets(
    *,
    target: Target = "centre",
    split_seed: int = 0,
    batch_size: Positive = 64,
    seed: int = 0,
) -> SampleTensors:
    """Return images (1, 8, 8) of digits, values 0 to 1, split 60 / 20 / 20 percent at random.

    The target is the centre of the ink, (row, column), with mean 0 and standard deviation 1 over
    the training images, for regression; three properties of the digit (even, prime, round), each 0
    or 1, for several labels; or the image itself, for reconstruction.
    """
    bundled = load_digits()
    images = torch.from_numpy(bundled.images).float()[:, None] / 16
    made = {"centre": lambda: _centre(images[:, 0]), "image": lambda: images}
    made["properties"] = lambda: _properties(torch.from_numpy(bundled.target))
    parts = split_at_random(Samples((images,), made[target]()), shares=(0.2, 0.2), seed=split_seed)
    is_number = target == "centre"
    return SampleTensors(
        *((standardised(part, parts[0]) for part in parts) if is_number else parts),
        split="60 / 20 / 20 percent of the digits, drawn at random",
        batch_size=batch_size,
        seed=seed,
    )


def _centre(ink: Tensor) -> Tensor:
    """Return the mean place of the ink (N, H, W), in pixels: (N, 2)."""
    total = ink.sum((1, 2))
    rows, columns = (torch.arange(size).float() for size in ink.shape[1:])
    return torch.stack(
        [(ink.sum(2) * rows).sum(1) / total, (ink.sum(1) * columns).sum(1) / total], dim=1
    )


def _properties(digits: Tensor) -> Tensor:
    rows = [torch.isin(digits, torch.tensor(chosen)) for chosen in _PROPERTIES.values()]
    return torch.stack(rows, dim=1).float()
