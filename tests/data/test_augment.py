"""Augmentation: whole batches against one image at a time, and a bank that never changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from paretoprune.data.augment import Augmentation, Moves, draw_moves, move_images
from paretoprune.errors import SettingsError


def move_one(image: Tensor, row: int, column: int, mirrored: int, shift: int) -> Tensor:
    """One (H, W, C) image, pixel by pixel."""
    height, width, _ = image.shape
    out = torch.zeros_like(image)
    for y in range(height):
        for x in range(width):
            from_y, from_x = y + row - shift, x + column - shift
            if 0 <= from_y < height and 0 <= from_x < width:
                out[y, x] = image[from_y, width - 1 - from_x if mirrored else from_x]
    return out


@pytest.mark.parametrize("shift", [0, 1, 3])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("shape", [(5, 4, 1), (3, 7, 3)])
def test_a_batch_equals_image_by_image(
    shift: int, flip: bool, dtype: torch.dtype, shape: tuple[int, int, int]
) -> None:
    torch.manual_seed(0)
    images = torch.randint(1, 256, (12, *shape)).to(dtype)
    augmentation = Augmentation(shift=shift, flip=flip, views=4)
    moves = draw_moves(augmentation, 12, seed=5, view=2)
    every = zip(images, moves.rows, moves.columns, moves.mirrored, strict=True)
    expected = [move_one(i, int(r), int(c), int(m), shift) for i, r, c, m in every]
    assert torch.equal(move_images(images, moves, augmentation), torch.stack(expected))


def test_the_middle_window_unmirrored_is_the_image_itself() -> None:
    images = torch.randint(0, 256, (3, 6, 6, 3), dtype=torch.uint8)
    middle, never = torch.full((3,), 2), torch.zeros(3, dtype=torch.int64)
    moved = move_images(images, Moves(middle, middle, never), Augmentation(shift=2, flip=True))
    assert torch.equal(moved, images)


def test_moves_depend_on_seed_and_view_alone() -> None:
    augmentation = Augmentation(shift=4, flip=True, views=8)
    first = draw_moves(augmentation, 100, seed=1, view=2)
    torch.manual_seed(99)
    again = draw_moves(augmentation, 100, seed=1, view=2)
    assert torch.equal(first.rows, again.rows)
    assert torch.equal(first.mirrored, again.mirrored)
    for seed, view in [(1, 3), (2, 2), (2, 1)]:
        other = draw_moves(augmentation, 100, seed=seed, view=view)
        assert not torch.equal(first.rows, other.rows)
        assert not torch.equal(first.columns, other.columns)


def test_all_moves_are_about_equally_likely() -> None:
    moves = draw_moves(Augmentation(shift=2, flip=True), 10_000, seed=0, view=0)
    assert moves.rows.bincount(minlength=5).sub(2000).abs().max() < 200
    assert moves.columns.bincount(minlength=5).sub(2000).abs().max() < 200
    assert abs(int(moves.mirrored.sum()) - 5000) < 250


def test_nothing_done_means_one_view() -> None:
    assert Augmentation(views=8).num_views == 1
    assert Augmentation(shift=1, views=8).num_views == 8
    assert Augmentation(flip=True, views=3).num_views == 3


def test_wrong_settings() -> None:
    with pytest.raises(SettingsError, match=r"`data.shift` must be 0 or more pixels, got -1"):
        Augmentation(shift=-1)
    with pytest.raises(SettingsError, match=r"`data.views` must be 1 or more, got 0"):
        Augmentation(views=0)
