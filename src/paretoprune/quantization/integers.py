"""One integer module of plain operators, for every engine: int8 weights, 8-bit activations.

Symmetric weights per output channel, affine activations per tensor, ranges by the least and the
largest value: Krishnamoorthi, Quantizing Deep Convolutional Networks for Efficient Inference
(2018). Exported as it is, so that no engine quantizes by itself and each computes what was measured.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.fx import GraphModule

from torch import nn

from paretoprune.quantization.points import calibrate, find_points, insert_points
from paretoprune.quantization.walk import integer_graph
from paretoprune.quantization.weights import RoundedModel, round_weights

INT8_BITS = 8


def integer_module(model: nn.Module, samples: Tensor) -> GraphModule:
    """The model (N, ...) -> logits with int8 weights and 8-bit activations, on the CPU.

    `samples` (M, ...) are training inputs, a few hundred, from which activations get their ranges
    and BatchNorm its shift. The module is for any N; it is traced and exported like any other.

    Raises:
        ExportError: the model does what a graph cannot hold.
        QuantizationError: a weight or sample is not finite, or an operator has no integer kernels.
    """
    rounded = round_weights(model, INT8_BITS, samples)
    module = integer_graph(rounded, samples[:2].cpu())
    insert_points(module, calibrate(module, find_points(module), samples))
    return module
