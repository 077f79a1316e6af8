"""Shifted and mirrored views of images: a small bank of them per sample, always the same ones.

A bank, instead of fresh random views for ever, lets the dense model's answers be computed once and
be reused by every trial (Shen and Xing, A Fast Knowledge Distillation Framework, 2021).
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
    """What is done to training images, at random."""

    shift: int = 0  # pixels: the most that an image moves along each axis; zeros move in
    flip: bool = False  # mirror left and right, in half of the cases
    views: int = 1  # views of each sample in the bank

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise SettingsError([f"`data.shift` must be 0 or more pixels, got {self.shift}"])
        if self.views < 1:
            raise SettingsError([f"`data.views` must be 1 or more, got {self.views}"])

    @property
    def num_views(self) -> int:
        """How many different views of a sample there are: just one if nothing is done to it."""
        return self.views if self.shift or self.flip else 1


@dataclass(frozen=True)
class Moves:
    """What one view does to each of N samples."""

    rows: Tensor  # (N,) int64, 0 to 2 * shift: where the window starts in the padded image
    columns: Tensor  # likewise
    mirrored: Tensor  # (N,) int64, 0 or 1: mirrored before it is shifted


def draw_moves(augmentation: Augmentation, num_samples: int, *, seed: int, view: int) -> Moves:
    """The moves of one view: a function of the arguments alone."""
    generator = np.random.default_rng((seed, view))
    starts = generator.integers(0, 2 * augmentation.shift + 1, size=(2, num_samples))
    mirrored = generator.integers(0, 1 + augmentation.flip, size=num_samples)
    rows, columns = torch.from_numpy(starts)
    return Moves(rows, columns, torch.from_numpy(mirrored))


def move_images(images: Tensor, moves: Moves, augmentation: Augmentation) -> Tensor:
    """(N, H, W, C) images, each shifted and mirrored by its own moves; same shape and type.

    All at once: every row of the result is a run of W * C values in memory of the padded images,
    so the rows of the whole batch are picked with one index.
    """
    num, height, width, channels = images.shape
    if augmentation.flip:
        images = torch.cat([images, images.flip(2)])  # image i mirrored is image num + i
    padding = (0, 0) + (augmentation.shift,) * 4
    padded = F.pad(images, padding)
    _, padded_height, padded_width, _ = padded.shape
    source = torch.arange(num, device=images.device) + num * moves.mirrored
    first = (source * padded_height + moves.rows) * padded_width + moves.columns
    starts = first[:, None] + torch.arange(height, device=images.device) * padded_width
    runs = padded.flatten().unfold(0, width * channels, channels)  # run i starts at pixel i
    return runs.index_select(0, starts.flatten()).view(num, height, width, channels)
