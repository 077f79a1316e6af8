"""The interface of quantizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import nn

from paretoprune.quantization.weights import RoundedModel
from paretoprune.tasks.bound import TaskBatch


@dataclass(frozen=True)
class QuantizedModel:
    """A quantized model: its outputs are measured, its file counts as its size."""

    model: nn.Module  # in evaluation mode, (N, ...) -> logits
    bits: float  # mean bits of a weight
    # Weights for the compact file; None: `model` is an integer module, exported to engines.
    rounded: RoundedModel | None = None
    size_bytes: int | None = None  # of its file; None: a plain safetensors file of its tensors
    activation_bits: int = 32  # of the inputs of its layers; 32: floating point


@dataclass(frozen=True)
class SearchedBits:
    """Makes one of several models that a trial may have, where bits are searched with sizes.

    A trial has the model only if it may be on the front. The models of a quantizer come in order of
    falling bits.
    """

    bits: float  # mean bits of a weight
    make: Callable[[], QuantizedModel]

    def __call__(self) -> QuantizedModel:
        return self.make()


@runtime_checkable
class Quantizer(Protocol):
    """Makes quantized models of a trained model, without training.

    The `_target_` of `quantization` is a class with this method. The result must follow from the
    arguments, so that a picked model is the measured one.
    """

    def models(
        self, model: nn.Module, samples: TaskBatch, /
    ) -> Mapping[str, Callable[[], QuantizedModel]]:
        """Return functions that make the quantized models, by unique short names.

        `samples` are calibration samples on the model's device: a training batch, with `inputs` and
        the `loss` of a model. A function raises QuantizationError, ExportError or EquivalenceError
        if its model cannot be made. Those of a quantizer with the attribute `searches_bits` are
        `SearchedBits`.
        """
