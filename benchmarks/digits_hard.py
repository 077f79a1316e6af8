"""The benchmark task digits-hard, made from scikit-learn's digits: fast to train, but difficult.

Each of the 1,797 images belongs to one part. Their order is permuted, so that each of the 13
writers occurs in all parts: scores hold for these writers, not for new ones. Images are augmented
repeatedly by rotation, scaling, translation and strong noise, on 16x16 pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

NUM_TRAIN, NUM_VALIDATION, NUM_TEST = 2000, 1000, 3000
_SIZE = 16  # pixels
_NOISE = 0.35  # standard deviation; ink is 0 to 1


class DigitsNet(nn.Module):
    """Six convolutions with BatchNorm: (N, 1, 16, 16) -> (N, num_classes); 2.1 million MACs."""

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width, stride in ((16, 1), (16, 1), (32, 2), (32, 1), (48, 2), (48, 1)):
            layers += [
                nn.Conv2d(in_channels, width, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            in_channels = width
        pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_channels, num_classes)]
        self.layers = nn.Sequential(*layers, *pool)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits


def write_digits(path: Path, *, seed: int) -> None:
    """Write the three parts as an .npz for `data=npz`."""
    digits = load_digits()
    random = np.random.default_rng(seed)
    order = random.permutation(len(digits.target))
    arrays = {}
    for name, whose, count in (
        ("train", order[:1000], NUM_TRAIN),
        ("val", order[1000:1300], NUM_VALIDATION),
        ("test", order[1300:], NUM_TEST),
    ):
        chosen = whose[np.arange(count) % len(whose)]
        arrays[f"x_{name}"] = _views(digits.images[chosen] / 16, random)
        arrays[f"y_{name}"] = digits.target[chosen]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **arrays)


def _views(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Augment (N, 8, 8) of ink in [0, 1] to uint8 (N, 16, 16): rotated, scaled,
    shifted and noisy."""
    count = len(images)
    angle = random.uniform(-0.5, 0.5, count)  # radians
    scale = random.uniform(0.8, 1.3, count)
    shift = random.uniform(-0.25, 0.25, (count, 2))  # relative to half the image
    matrix = np.zeros((count, 2, 3), dtype=np.float32)
    matrix[:, 0, 0] = matrix[:, 1, 1] = np.cos(angle) * scale
    matrix[:, 0, 1], matrix[:, 1, 0] = -np.sin(angle) * scale, np.sin(angle) * scale
    matrix[:, :, 2] = shift
    inputs = torch.from_numpy(images[:, None].astype(np.float32))
    grid = affine_grid(torch.from_numpy(matrix), [count, 1, _SIZE, _SIZE], align_corners=False)
    turned = grid_sample(inputs, grid, align_corners=False)[:, 0].numpy()
    noisy = turned + random.normal(0, _NOISE, turned.shape)
    # Noise leaves [0, 1]: the range [-1, 2] is mapped to a byte.
    return np.clip(np.round((noisy + 1) * (255 / 3)), 0, 255).astype(np.uint8)
