"""Handwritten digits bundled with scikit-learn: 1,797 grey images of 8x8, without download.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998), its test part.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from paretoprune.config.values import Positive
from paretoprune.data.augment import Augmentation
from paretoprune.data.image_tensors import ImageTensors, image_tensors
from paretoprune.data.labelled import labelled_images
from paretoprune.data.split import SplitSettings
from paretoprune.errors import SettingsError


def digits(
    *,
    size: int = 8,
    shift: int = 1,
    views: Positive = 8,
    split_seed: int = 0,
    batch_size: Positive = 64,
    seed: int = 0,
    pretrained: bool = False,
) -> ImageTensors:
    """Return the digits, (1, size, size), split 60 / 20 / 20 percent.

    The parts are training, validation and test. `size` above 8 enlarges them (bilinear).
    `pretrained` only adds a caution, since there is no official test part.

    Raises:
        SettingsError: `size` is below 8.
    """
    if size < 8:
        raise SettingsError([f"`data.size` must be 8 or more pixels, got {size}"])
    bundled = load_digits()
    # Intensities are 0 to 16.
    images = np.round(bundled.images * (255 / 16)).astype(np.uint8)
    part = labelled_images(_enlarged(images, size), bundled.target, where="digits")
    return image_tensors(
        {"train": part},
        split=SplitSettings(
            validation_from="train",
            validation_share=0.2,
            test_share=0.2,
            seed=split_seed,
            pretrained=pretrained,
        ),
        augmentation=Augmentation(shift=shift, views=views),
        batch_size=batch_size,
        seed=seed,
    )


def _enlarged(images: np.ndarray, size: int) -> np.ndarray:
    if size == 8:
        return images
    batch = torch.from_numpy(images)[:, None].float()
    enlarged = F.interpolate(batch, size=(size, size), mode="bilinear", align_corners=False)
    return enlarged[:, 0].round().byte().numpy()
