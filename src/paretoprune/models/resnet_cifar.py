"""Residual networks for small images, 20 to 110 layers deep, with 1x1-convolution shortcuts.

He et al., Deep Residual Learning for Image Recognition (2015), section 4.2, shortcuts of option B.
"""

from __future__ import annotations

from torch import Tensor, nn


def resnet20(num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """ResNet-20: (N, in_channels, H, W) -> (N, num_classes) logits; made for 32x32 images."""
    return CifarResNet(3, num_classes=num_classes, in_channels=in_channels)


def resnet32(num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """ResNet-32: (N, in_channels, H, W) -> (N, num_classes) logits; made for 32x32 images."""
    return CifarResNet(5, num_classes=num_classes, in_channels=in_channels)


def resnet44(num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """ResNet-44: (N, in_channels, H, W) -> (N, num_classes) logits; made for 32x32 images."""
    return CifarResNet(7, num_classes=num_classes, in_channels=in_channels)


def resnet56(num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """ResNet-56: (N, in_channels, H, W) -> (N, num_classes) logits; made for 32x32 images."""
    return CifarResNet(9, num_classes=num_classes, in_channels=in_channels)


def resnet110(num_classes: int = 10, in_channels: int = 3) -> nn.Module:
    """ResNet-110: (N, in_channels, H, W) -> (N, num_classes) logits; made for 32x32 images."""
    return CifarResNet(18, num_classes=num_classes, in_channels=in_channels)


class CifarResNet(nn.Module):
    """Three stages of 16, 32 and 64 channels with `blocks` residual blocks each."""

    def __init__(self, blocks: int, *, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = _conv(in_channels, 16, kernel=3)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = _stage(16, 16, blocks=blocks, stride=1)
        self.layer2 = _stage(16, 32, blocks=blocks, stride=2)
        self.layer3 = _stage(32, 64, blocks=blocks, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(images)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, and a shortcut around them."""

    def __init__(self, in_channels: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(in_channels, channels, kernel=3, stride=stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _conv(channels, channels, kernel=3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            shortcut = _conv(in_channels, channels, kernel=1, stride=stride)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        out: Tensor = self.relu(x + shortcut)
        return out


def _stage(in_channels: int, channels: int, *, blocks: int, stride: int) -> nn.Sequential:
    first = BasicBlock(in_channels, channels, stride=stride)
    rest = [BasicBlock(channels, channels, stride=1) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


def _conv(in_channels: int, channels: int, *, kernel: int, stride: int = 1) -> nn.Conv2d:
    padding = kernel // 2
    conv = nn.Conv2d(in_channels, channels, kernel, stride=stride, padding=padding, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv
