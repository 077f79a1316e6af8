"""`quantization=weights`: weights of few bits in a compact file, activations in floating point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from torch import nn

from paretoprune.quantization.compact import compact_bytes
from paretoprune.quantization.quantizers.interface import QuantizedModel
from paretoprune.quantization.weights import round_weights
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import Inputs


class Weights:
    """Rounds weights to `bits` bits each; `size_bytes` counts the compact file."""

    def __init__(self, bits: Literal[2, 3, 4, 5, 6, 7, 8] = 4) -> None:
        self._bits: int = bits

    def models(
        self, model: nn.Module, samples: TaskBatch, /
    ) -> Mapping[str, Callable[[], QuantizedModel]]:
        """Return the one model, named after its bits: `4bit`."""
        return {f"{self._bits}bit": lambda: self._rounded(model, samples.inputs)}

    def _rounded(self, model: nn.Module, samples: Inputs) -> QuantizedModel:
        rounded = round_weights(model, self._bits, samples)
        size = len(compact_bytes(rounded, samples[:2]))
        return QuantizedModel(rounded.model, self._bits, rounded, size)
