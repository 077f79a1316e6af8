"""MobileNetV2 for small images: torchvision's network with the first two strides of 2 reduced to 1.

Sandler et al., MobileNetV2 (2018), table 2.
"""

from __future__ import annotations

from torch import nn
from torchvision.models import MobileNetV2

from paretoprune.models.first_conv import replace_first_conv

# Per row: expansion, channels, blocks, stride of the first block. 24 channels: stride 1, not 2.
_STAGES = [
    [1, 16, 1, 1],
    [6, 24, 2, 1],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
]


def mobilenet_v2(num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """MobileNetV2: (N, in_channels, H, W) -> (N, num_classes) logits; made for 32x32 images.

    Names of tensors, and except for the classifier their shapes, are those of torchvision's
    mobilenet_v2.
    """
    model: nn.Module = MobileNetV2(num_classes=num_classes, inverted_residual_setting=_STAGES)
    replace_first_conv(model, in_channels=in_channels, stride=1)
    return model
