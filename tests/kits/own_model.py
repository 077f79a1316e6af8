"""Networks like a user's own: named by `_target_`, with custom arguments."""

from __future__ import annotations

from torch import Tensor, nn

from tests.kits.networks import Block


class OwnNet(nn.Module):
    """Two convolutions and a classifier. Input (n, in_channels, height, width)."""

    def __init__(self, width: int, num_classes: int, in_channels: int = 1) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(2 * width, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (n, num_classes)."""
        out: Tensor = self.classifier(self.features(inputs).flatten(1))
        return out


class OwnResidual(nn.Module):
    """Three residual blocks of the same width, each of which can be removed as a whole."""

    def __init__(self, num_classes: int, in_channels: int, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(width, width, 1, False) for _ in range(3)))
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.blocks(self.stem(images).relu()).mean((2, 3)))


class HalfFrozen(nn.Module):
    """A frozen first convolution, and a second head whose outputs are dropped."""

    def __init__(self, num_classes: int, in_channels: int, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, width, 3, padding=1).requires_grad_(False)
        self.second = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.unused = nn.Sequential(nn.Linear(width, width), nn.Linear(width, 2))
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.second(self.first(images).relu()).relu().mean((2, 3))
        self.unused(hidden)
        return self.classifier(hidden)


class Auxiliary(HalfFrozen):
    """Returns a second output beside the logits during training."""

    def forward(self, images: Tensor) -> object:
        logits = super().forward(images)
        return (logits, logits) if self.training else logits
