"""Further networks for the data of `digits_hard.py`: without BatchNorm, without convolutions."""

from __future__ import annotations

from torch import Tensor, nn


class DigitsMLP(nn.Module):
    """Three hidden layers: (N, 1, 16, 16) -> (N, num_classes); 0.1 million MACs."""

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        width = 256 * in_channels
        for narrower in (256, 128, 64):
            layers += [nn.Linear(width, narrower), nn.ReLU()]
            width = narrower
        self.layers = nn.Sequential(*layers, nn.Linear(width, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits


class DigitsPlain(nn.Module):
    """Five convolutions without BatchNorm: (N, 1, 16, 16) -> (N, num_classes)."""

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1)):
            layers += [nn.Conv2d(in_channels, width, 3, stride=stride, padding=1), nn.ReLU()]
            in_channels = width
        self.layers = nn.Sequential(*layers, *_head(in_channels, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits


class DigitsDepthwise(nn.Module):
    """Four depthwise separable convolutions: (N, 1, 16, 16) -> (N, num_classes)."""

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        layers = _normalised(nn.Conv2d(in_channels, 32, 3, padding=1, bias=False))
        before = 32
        for width, stride in ((32, 2), (64, 1), (64, 2), (96, 1)):
            layers += _normalised(
                nn.Conv2d(before, before, 3, stride, padding=1, groups=before, bias=False)
            )
            layers += _normalised(nn.Conv2d(before, width, 1, bias=False))
            before = width
        self.layers = nn.Sequential(*layers, *_head(before, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits


def _normalised(conv: nn.Conv2d) -> list[nn.Module]:
    return [conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU6()]


def _head(width: int, num_classes: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes)]
