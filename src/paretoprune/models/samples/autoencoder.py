"""A convolutional autoencoder for images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def autoencoder(
    input_shape: Sequence[int] = (1, 8, 8), width: int = 16, code: int = 16
) -> nn.Module:
    """Images (N, C, H, W) to themselves through `code` numbers; `input_shape` is (C, H, W)."""
    return Autoencoder(tuple(input_shape), width, code)


class Autoencoder(nn.Module):
    """Two convolutions with stride 2 and a linear layer to the code, and their mirror image."""

    def __init__(self, input_shape: tuple[int, ...], width: int, code: int) -> None:
        super().__init__()
        channels = input_shape[0]
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        with torch.no_grad():
            found = self.encoder(torch.zeros(1, *input_shape))
        self.code = nn.Linear(found[0].numel(), code)
        self.back = nn.Sequential(nn.Linear(code, found[0].numel()), nn.ReLU())
        self.unflatten = nn.Unflatten(1, (-1, *found.shape[2:]))
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2.0),
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(size=tuple(input_shape[1:])),
            nn.Conv2d(width, channels, 3, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        code = self.code(self.encoder(images).flatten(1))
        found: Tensor = self.decoder(self.unflatten(self.back(code)))
        return found
