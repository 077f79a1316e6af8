"""VGG-16 with batch normalisation for small images: 13 convolutions and one linear layer.

Simonyan and Zisserman, Very Deep Convolutional Networks (2014), table 1, configuration D; the
three linear layers become one, as is usual for CIFAR.
"""

from __future__ import annotations

from torch import Tensor, nn

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def vgg16_bn(num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """VGG-16: (N, in_channels, H, W) -> (N, num_classes) logits; made for 32x32, runs from 1x1."""
    return CifarVgg(num_classes=num_classes, in_channels=in_channels)


class CifarVgg(nn.Module):
    """Five stages of 3x3 convolutions, each followed by a max pooling that halves the image."""

    def __init__(self, *, num_classes: int, in_channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for block in _BLOCKS:
            for channels in block:
                layers += _conv_bn_relu(in_channels, channels)
                in_channels = channels
            # Rounding sizes up keeps at least one pixel of images smaller than 32x32.
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(in_channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.avgpool(self.features(images)).flatten(1))
        return logits


def _conv_bn_relu(in_channels: int, channels: int) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
