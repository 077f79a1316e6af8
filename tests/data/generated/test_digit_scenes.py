"""Scenes of digits: exact masks and boxes, different digits in each part, wrong options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from paretoprune.data import contents_of
from paretoprune.data.generated.digit_scenes import digit_masks, scene_parts
from paretoprune.errors import SettingsError
from paretoprune.tasks.segmentation import Segmentation


def test_masks_and_boxes_are_exact() -> None:
    for part in scene_parts(size=36, digits=4, num_images=20, seed=0):
        assert ((part.masks > 0) <= (part.images > 0)).all()
        for image, boxes, labels in zip(part.masks, part.boxes, part.labels, strict=True):
            covered = np.zeros(image.shape, bool)
            for (left, top, right, bottom), label in zip(boxes.astype(int), labels, strict=True):
                inside = image[top:bottom, left:right]
                assert set(np.unique(inside)) <= {0, label}
                edges = inside[0], inside[-1], inside[:, 0], inside[:, -1]
                assert all(edge.any() for edge in edges)
                covered[top:bottom, left:right] = True
            assert not image[~covered].any()


def test_the_seed_decides_and_the_sizes_are_those_asked_for() -> None:
    one, same, other = (digit_masks(num_images=20, split_seed=seed) for seed in (1, 1, 2))
    digests = [contents_of(data, Segmentation()).digests for data in (one, same, other)]
    assert digests[0] == digests[1] != digests[2]
    assert (one.info.num_train, one.info.num_validation, one.info.num_test) == (12, 4, 4)
    images, labels = next(iter(one.val_dataloader()))
    assert images.shape == (4, 1, 24, 24) and labels.shape == (4, 24, 24)
    assert labels.dtype == torch.int64 and one.info.num_classes == 11


def test_a_changed_label_changes_the_digest() -> None:
    data = digit_masks(num_images=20)
    before = contents_of(data, Segmentation()).digests
    data.parts[1].labels[0, 0, 0] = 3
    after = contents_of(data, Segmentation()).digests
    assert {name for name in before if before[name] != after[name]} == {"validation labels"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"size": 12}, "`data.digits=3` needs .* has room for 1"), ({"num_images": 2}, "5 or more")],
)
def test_wrong_options_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        digit_masks(**options)
