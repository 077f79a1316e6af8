"""What runs a model for measuring: PyTorch as it is, or an engine that a model is converted for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from paretoprune.measure.timing import Pass, wait


class Engine(Protocol):
    """Makes a pass of a model that can be timed."""

    def __call__(self, model: nn.Module, batch: Tensor, *, threads: int) -> Pass:
        """A forward pass on `batch`, done when it returns. The model is in evaluation mode.

        Called where torch computes with `threads` threads; another engine sets its own number.
        """


def torch_engine(model: nn.Module, batch: Tensor, *, threads: int) -> Pass:
    """PyTorch, eager, in inference mode."""

    def run() -> None:
        with torch.inference_mode():
            model(batch)
        wait(batch.device)

    return run


ENGINES: Mapping[str, Engine] = {"torch": torch_engine}
