"""Per-channel normalisation, by given means and deviations or those of the training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from paretoprune.errors import SettingsError


@dataclass(frozen=True)
class Normalisation:
    """Means and standard deviations per channel; for uint8 images, after division by 255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def choose_normalisation(
    images: Tensor, mean: Sequence[float] | None, std: Sequence[float] | None
) -> Normalisation:
    """Return the user's means and deviations, or else those of (N, H, W, C) training images.

    Raises:
        SettingsError: only one of the two is given, or they do not fit the channels.
    """
    channels = images.shape[-1]
    if mean is None and std is None:
        return measure_normalisation(images)
    if mean is None or std is None:
        raise SettingsError(["give both `data.mean` and `data.std`, or neither"])
    if len(mean) != channels or len(std) != channels or min(std) <= 0:
        raise SettingsError(
            [
                f"`data.mean` and `data.std` must be {channels} numbers each, one per channel of "
                f"the images, `data.std` above 0; got {list(mean)} and {list(std)}"
            ]
        )
    return Normalisation(tuple(mean), tuple(std))


def measure_normalisation(images: Tensor) -> Normalisation:
    """Compute mean and standard deviation of each channel of (N, H, W, C) images.

    Sums are in double precision.
    """
    channels = images.shape[-1]
    total = torch.zeros(channels, dtype=torch.float64)
    total_squares = torch.zeros(channels, dtype=torch.float64)
    for chunk in torch.split(images, 1000):  # a double copy of all images would be large
        values = chunk.reshape(-1, channels).double()
        total += values.sum(0)
        total_squares += values.square().sum(0)
    count = images.numel() // channels
    mean = total / count
    std = (total_squares / count - mean.square()).clamp(min=0).sqrt()
    unit = 255.0 if images.dtype == torch.uint8 else 1.0
    # A constant channel becomes zero; rounding may leave a deviation of 1e-8.
    std = torch.where(std > 1e-6 * mean.abs(), std, unit)
    return Normalisation(tuple((mean / unit).tolist()), tuple((std / unit).tolist()))


class Normaliser:
    """Converts stored images to model inputs; its constants are on the images' device."""

    def __init__(self, normalisation: Normalisation, images: Tensor) -> None:
        """Precompute scale and bias for images like `images`.

        Only their width, channels, dtype and device matter.
        """
        unit = 255.0 if images.dtype == torch.uint8 else 1.0
        mean = torch.tensor(normalisation.mean, device=images.device)
        std = torch.tensor(normalisation.std, device=images.device)
        # Repeated for a whole row of pixels: an inner loop over 3 channels would be slow.
        self._scale = (1 / (unit * std)).repeat(images.shape[2], 1)  # (W, C)
        self._bias = (-mean / std).repeat(images.shape[2], 1)

    def __call__(self, images: Tensor) -> Tensor:
        """Map (N, H, W, C) uint8 or float32 to (N, C, H, W) float32 in channels-last format."""
        return torch.addcmul(self._bias, images.float(), self._scale).permute(0, 3, 1, 2)
