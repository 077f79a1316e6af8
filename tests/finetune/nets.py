"""A tiny network and a tiny task that it can learn, for the tests of training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.training_run import TrainingRun
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


def run_of(**changes: Any) -> TrainingRun:
    """A short training of small batches on the CPU, with these fields changed."""
    usual: dict[str, Any] = {
        "train_loader": batches(4),
        "val_loader": batches(1, seed=9),
        "settings": FinetuneSettings(learning_rate=0.05),
        "epochs": 4,
        "seed": 1,
        "device": CPU,
    }
    return TrainingRun(**(usual | changes))


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
