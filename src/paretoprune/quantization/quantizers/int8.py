"""`quantization=int8`: weights and activations in 8 bits, for integer kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from paretoprune.quantization.integers import INT8_BITS, integer_module
from paretoprune.quantization.quantizers.interface import QuantizedModel

INT8 = "int8"


class Int8:
    """Makes the integer module of a model."""

    def models(
        self, model: nn.Module, samples: Tensor, /
    ) -> Mapping[str, Callable[[], QuantizedModel]]:
        """Return the one model, `int8`."""
        return {INT8: lambda: _int8(model, samples)}


def _int8(model: nn.Module, samples: Tensor) -> QuantizedModel:
    module = integer_module(model, samples)
    return QuantizedModel(module, INT8_BITS)
