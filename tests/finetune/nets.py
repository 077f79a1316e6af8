"""A tiny network and a tiny task that it can learn, for the tests of training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from paretoprune.tasks.inputs import Keyed

CPU = torch.device("cpu")
NUM_CLASSES = 3


def tiny_net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 6, 1, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(6, NUM_CLASSES),
    )


def batches(count: int, *, size: int = 24, seed: int = 0, keys: bool = False) -> list[Any]:
    """Images whose brightness tells the class."""
    generator = torch.Generator().manual_seed(seed)
    result: list[Any] = []
    for number in range(count):
        y = torch.randint(NUM_CLASSES, (size,), generator=generator)
        x = torch.randn(size, 2, 6, 6, generator=generator) + y[:, None, None, None]
        key = torch.arange(number * size, (number + 1) * size)
        result.append(Keyed((x, y), key) if keys else [x, y])
    return result


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
