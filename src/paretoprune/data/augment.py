"""Data augmentation with a fixed bank of views per sample: shifts and horizontal flips.

With a fixed bank, instead of new random views in each epoch, the dense model's logits are computed
once and reused by every trial (Shen and Xing, A Fast Knowledge Distillation Framework, 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from paretoprune.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random augmentation of training images."""

    shift: int = 0  # maximum shift along each axis in pixels, with zero padding
    flip: bool = False  # horizontal flip with probability 0.5
    views: int = 1  # views of each sample in the bank

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise SettingsError([f"`data.shift` must be 0 or more pixels, got {self.shift}"])
        if self.views < 1:
            raise SettingsError([f"`data.views` must be 1 or more, got {self.views}"])

    @property
    def num_views(self) -> int:
        """Number of different views of a sample: 1 without augmentation."""
        return self.views if self.shift or self.flip else 1


@dataclass(frozen=True)
class Moves:
    """Shifts and flips of one view, for each of N samples."""

    rows: Tensor  # (N,) int64, 0 to 2 * shift: first row of the crop of the padded image
    columns: Tensor  # likewise
    mirrored: Tensor  # (N,) int64, 0 or 1: flipped before the shift


def draw_moves(augmentation: Augmentation, num_samples: int, *, seed: int, view: int) -> Moves:
    """Draw the moves of one view: a deterministic function of the arguments."""
    generator = np.random.default_rng((seed, view))
    starts = generator.integers(0, 2 * augmentation.shift + 1, size=(2, num_samples))
    mirrored = generator.integers(0, 1 + augmentation.flip, size=num_samples)
    rows, columns = torch.from_numpy(starts)
    return Moves(rows, columns, torch.from_numpy(mirrored))


def move_images(images: Tensor, moves: Moves, augmentation: Augmentation) -> Tensor:
    """Shift and flip (N, H, W, C) images, each by its own moves; same shape and dtype.

    The whole batch is processed at once: every row of the result is a contiguous run of W * C
    values of the padded images, so that all rows are selected by one index.
    """
    num, height, width, channels = images.shape
    if augmentation.flip:
        images = torch.cat([images, images.flip(2)])  # the flip of image i is image num + i
    padding = (0, 0) + (augmentation.shift,) * 4
    padded = F.pad(images, padding)
    _, padded_height, padded_width, _ = padded.shape
    source = torch.arange(num, device=images.device) + num * moves.mirrored
    first = (source * padded_height + moves.rows) * padded_width + moves.columns
    starts = first[:, None] + torch.arange(height, device=images.device) * padded_width
    runs = padded.flatten().unfold(0, width * channels, channels)  # run i starts at pixel i
    return runs.index_select(0, starts.flatten()).view(num, height, width, channels)
