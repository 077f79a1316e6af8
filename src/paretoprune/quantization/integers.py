"""Integer module of plain operators for every engine: int8 weights, 8-bit activations.

Symmetric weights per output channel, affine activations per tensor, min-max ranges: Krishnamoorthi,
Quantizing Deep Convolutional Networks for Efficient Inference (2018). It is exported as it is: no
engine quantizes by itself, each computes what was measured.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from paretoprune.errors import QuantizationError
from paretoprune.quantization.gates import check_graph, check_simulation
from paretoprune.quantization.points import calibrate, find_points, insert_points
from paretoprune.quantization.simulate import simulate
from paretoprune.quantization.walk import integer_graph
from paretoprune.quantization.weights import round_weights

INT8_BITS = 8
_NUM_CHECKED = 64  # samples for comparing each step with the one before


def integer_module(model: nn.Module, samples: Tensor) -> GraphModule:
    """Return the model (N, ...) -> logits with int8 weights and 8-bit activations, on the CPU.

    `samples` (M, ...) are calibration samples, a few hundred training inputs, for the ranges of
    activations and the shift of BatchNorm. The module takes any N; it is traced and exported like
    any other.

    Raises:
        ExportError: the model cannot be exported as a graph.
        QuantizationError: a weight or sample is not finite, the output is not one tensor, or an
            operator has no integer kernels.
        EquivalenceError: the graph, or its integers, do not compute the same as the rounded model.
    """
    rounded = round_weights(model, INT8_BITS, samples)
    samples, reference = samples.cpu(), rounded.model.cpu()
    checked = samples[:_NUM_CHECKED]
    with torch.inference_mode():
        expected = reference(checked)
    if not isinstance(expected, Tensor):
        raise QuantizationError(
            f"its output must be one tensor for integer kernels, got {type(expected).__name__}"
        )
    module = integer_graph(rounded, samples[:2])
    grids = calibrate(module, find_points(module), samples)
    with torch.inference_mode():
        check_graph(expected, module(checked))
    insert_points(module, grids)
    with torch.inference_mode():
        check_simulation(simulate(module, checked), module(checked))
    return module
