"""Quantizers like a user's own, which make no model."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from paretoprune.errors import QuantizationError
from paretoprune.quantization.quantizers.interface import QuantizedModel
from paretoprune.tasks.bound import TaskBatch


class Refusing:
    """A quantizer that refuses every model."""

    def models(
        self, model: nn.Module, samples: TaskBatch, /
    ) -> dict[str, Callable[[], QuantizedModel]]:
        """Return one model, which is refused."""
        return {"own": _refuse}


class Broken:
    """A quantizer with a fault."""

    def models(
        self, model: nn.Module, samples: TaskBatch, /
    ) -> dict[str, Callable[[], QuantizedModel]]:
        """Return one model, whose making fails."""
        return {"own": _fail}


def _refuse() -> QuantizedModel:
    raise QuantizationError("no grid")


def _fail() -> QuantizedModel:
    raise ValueError("a fault")
