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
        if its model cannot be made.
        """
