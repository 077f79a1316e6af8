"""A small single-shot detector for small images, of torchvision's parts.

Liu et al., SSD: Single Shot MultiBox Detector (2016).
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD


def small_ssd(
    num_classes: int = 2, in_channels: int = 3, size: int = 48, width: int = 16
) -> nn.Module:
    """Detector for lists of images (in_channels, H, W), which are resized to `size` pixels.

    In training mode it returns a dict of losses, in evaluation mode boxes, labels and scores.
    Class 0 is the background. Boxes are about a sixth to a third of the image.
    """
    model: nn.Module = SSD(
        Backbone(in_channels, width),
        DefaultBoxGenerator([[2], [2]], scales=[0.15, 0.25, 0.4], steps=[4, 8]),
        size=(size, size),
        num_classes=num_classes,
        image_mean=[0.5] * in_channels,
        image_std=[0.25] * in_channels,
        score_thresh=0.05,
        detections_per_img=20,
        topk_candidates=50,
    )
    return model


class Backbone(nn.Module):
    """Feature maps at a quarter and an eighth of the image."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(_block(in_channels, width, 2), _block(width, 2 * width, 2))
        self.fine = _block(2 * width, 2 * width, 1)
        self.coarse = _block(2 * width, 4 * width, 2)
        self.out_channels = [2 * width, 4 * width]  # read by SSD

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        fine = self.fine(self.stem(images))
        return OrderedDict(fine=fine, coarse=self.coarse(fine))


def _block(in_channels: int, channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )
