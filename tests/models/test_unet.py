"""The U-Net: shapes at odd sizes, and all its inner widths prunable."""

from __future__ import annotations

import torch

from paretoprune.models import unet
from paretoprune.pruning.dependency.find import find_groups


def test_logits_have_the_size_of_the_images() -> None:
    model = unet(num_classes=5, in_channels=1, width=4).eval()
    for height, width in ((8, 8), (9, 14)):
        assert model(torch.randn(2, 1, height, width)).shape == (2, 5, height, width)


def test_all_widths_can_be_pruned() -> None:
    groups = find_groups(unet(num_classes=3, in_channels=1, width=4), torch.randn(2, 1, 8, 8))
    assert sorted(group.width for group in groups.prunable) == [4] * 4 + [8] * 4 + [16] * 2
