"""Integer module of plain operators for every engine: int8 weights, 8-bit activations.

Symmetric weights per output channel, affine activations per tensor, min-max ranges: Krishnamoorthi,
Quantizing Deep Convolutional Networks for Efficient Inference (2018). It is exported as it is: no
engine quantizes by itself, each computes what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from paretoprune.errors import QuantizationError
from paretoprune.formats.names import named_outputs
from paretoprune.quantization.called import Called, IntegerModule, tensors_of
from paretoprune.quantization.gates import by_sample, check_graph, check_simulation
from paretoprune.quantization.points import calibrate, find_points, insert_points
from paretoprune.quantization.simulate import simulate
from paretoprune.quantization.walk import integer_graph
from paretoprune.quantization.weights import round_weights
from paretoprune.tasks.inputs import Example, inputs_of

INT8_BITS = 8
_NUM_CHECKED = 64  # samples for comparing each step with the one before


def integer_module(model: nn.Module, samples: Example) -> IntegerModule:
    """Return the model with int8 weights and 8-bit activations, on the CPU.

    `samples` (M, ...) are calibration samples, a few hundred training inputs, for the ranges of
    activations and the shift of BatchNorm. The module takes any N and is called like the model;
    that of one tensor is a graph. Integer inputs, such as tokens, are taken as they are. The
    outputs are one tensor, or a mapping of tensors.

    Raises:
        ExportError: the model cannot be exported as a graph.
        QuantizationError: a weight or sample is not finite, the output is neither one tensor nor a
            mapping, or an operator has no integer kernels.
        EquivalenceError: the graph, or its integers, do not compute the same as the rounded model.
    """
    inputs = inputs_of(samples)
    rounded = round_weights(model, INT8_BITS, samples)
    inputs, reference = inputs.cpu(), rounded.model.cpu()
    checked = inputs[:_NUM_CHECKED]
    with torch.inference_mode():
        expected = _outputs(checked.run(reference))
    graph = integer_graph(rounded, samples if isinstance(samples, Tensor) else inputs)
    module = graph if isinstance(samples, Tensor) else Called(graph, reference, inputs)
    batches = [
        tensors_of(module, inputs[start : start + 64]) for start in range(0, len(inputs), 64)
    ]
    grids = calibrate(graph, find_points(graph), batches)
    with torch.inference_mode():
        check_graph(expected, _outputs(checked.run(module)))
    insert_points(graph, grids)
    with torch.inference_mode():
        simulated = _outputs(simulate(graph, *tensors_of(module, checked)))
        check_simulation(simulated, _outputs(checked.run(module)))
    return module


def _outputs(found: object) -> Tensor:
    """Return all outputs of each sample in one row.

    Raises:
        QuantizationError: they are neither a tensor nor a mapping of tensors.
    """
    if not isinstance(found, Tensor | Mapping):
        raise QuantizationError(
            "its output must be one tensor, or a mapping of tensors, for integer kernels, got "
            f"{type(found).__name__}"
        )
    return by_sample(named_outputs(found))
