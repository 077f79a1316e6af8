"""`quantization=int8`: weights and activations in 8 bits, for integer kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from paretoprune.quantization.integers import INT8_BITS, integer_module
from paretoprune.quantization.quantizers.interface import QuantizedModel
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import Inputs

INT8 = "int8"


class Int8:
    """Makes the integer module of a model."""

    def models(
        self, model: nn.Module, samples: TaskBatch, /
    ) -> Mapping[str, Callable[[], QuantizedModel]]:
        """Return the one model, `int8`."""
        return {INT8: lambda: _int8(model, samples.inputs)}


def _int8(model: nn.Module, samples: Inputs) -> QuantizedModel:
    is_tensor = len(samples.args) == len(samples.tensors) == 1 and len(list(samples)) == 1
    module = integer_module(model, samples.only if is_tensor else samples)
    return QuantizedModel(module.eval(), INT8_BITS, activation_bits=INT8_BITS)
