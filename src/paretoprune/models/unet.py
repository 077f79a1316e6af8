"""A small U-Net: an encoder and a decoder of three sizes, with skip connections.

Ronneberger et al., U-Net: Convolutional Networks for Biomedical Image Segmentation (2015), with
padded convolutions, BatchNorm and bilinear enlargement.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


def unet(num_classes: int = 2, in_channels: int = 3, width: int = 16) -> nn.Module:
    """U-Net: (N, in_channels, H, W) -> (N, num_classes, H, W) logits; `width` channels at first."""
    return UNet(num_classes, in_channels, width)


class UNet(nn.Module):
    """Three sizes with `width`, 2 * `width` and 4 * `width` channels."""

    def __init__(self, num_classes: int, in_channels: int, width: int) -> None:
        super().__init__()
        self.down1 = _convolutions(in_channels, width)
        self.down2 = _convolutions(width, 2 * width)
        self.middle = _convolutions(2 * width, 4 * width)
        self.up2 = _convolutions(6 * width, 2 * width)
        self.up1 = _convolutions(3 * width, width)
        self.head = nn.Conv2d(width, num_classes, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.down1(images)
        coarse = self.down2(self.pool(fine))
        x = self.middle(self.pool(coarse))
        x = self.up2(_merged(x, coarse))
        x = self.up1(_merged(x, fine))
        logits: Tensor = self.head(x)
        return logits


def _merged(x: Tensor, skip: Tensor) -> Tensor:
    """Return both along the channels, x enlarged to the size of `skip`."""
    larger = interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
    return torch.cat([larger, skip], dim=1)


def _convolutions(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )
