"""A small convolutional network and batches of random images, for the contracts of variants."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification

NUM_CLASSES = 5


class Residual(nn.Module):
    """Two convolutions with BatchNorm, around which the input is passed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the rectified sum of both branches: (N, width, H, W)."""
        return torch.relu(x + self.convs(x))


def residual_network() -> nn.Module:
    """Return a network of two residual blocks for images (N, 3, 8, 8), in evaluation mode."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            Residual(8),
            Residual(8),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, NUM_CLASSES),
        ).eval()


def image_batch(size: int = 8) -> TaskBatch:
    """Return a batch of random images with labels."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(size, 3, 8, 8, generator=generator)
    labels = torch.randint(NUM_CLASSES, (size,), generator=generator)
    return TaskBatch(Classification(), (images, labels))
