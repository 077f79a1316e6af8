"""Numerical errors of a quantized model on validation samples."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from paretoprune.data.data_info import first_batch
from paretoprune.errors import SettingsError
from paretoprune.measure.device import lacks_vnni
from paretoprune.numerics import NumericalErrors
from paretoprune.problem.problem import Problem
from paretoprune.quantization.called import IntegerModule
from paretoprune.quantization.layer_errors import errors_of_module, errors_of_weights
from paretoprune.quantization.weights import RoundedModel
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.interface import Outputs

_NUM_SAMPLES = 32


@torch.no_grad()
def numerical_errors(
    problem: Problem, model: nn.Module, quantized: IntegerModule | RoundedModel
) -> NumericalErrors | None:
    """Return the errors of an integer module or of rounded weights beside the float `model`.

    None if there is no layer to compare: a convolution or linear layer that runs once in a pass.
    """
    batch = TaskBatch(problem.task, first_batch(problem.data.module))[:_NUM_SAMPLES].to(
        torch.device("cpu")
    )
    model = copy.deepcopy(model).cpu().eval()
    if isinstance(quantized, RoundedModel):
        found = copy.deepcopy(quantized.model).cpu()
        layers = errors_of_weights(replace(quantized, model=found), model, batch.inputs)
    else:
        found = quantized.cpu()
        layers = errors_of_module(quantized, model, batch.inputs)
    if not layers:
        return None
    outputs, expected = batch.outputs(found), batch.outputs(model)
    same = None
    if problem.task.qualities[0].name == "accuracy" and isinstance(expected, Tensor):
        same = 100 * (outputs.argmax(1) == expected.argmax(1)).float().mean().item()
    return NumericalErrors(
        layers=tuple(layers),
        agreement=same,
        divergence=_divergence(batch, outputs, expected),
        lacks_vnni=lacks_vnni(),
    )


def _divergence(batch: TaskBatch, outputs: Outputs, expected: Outputs) -> float | None:
    """Return the distance of the outputs as the task measures it; None if it cannot."""
    try:
        return float(batch.distance(outputs, expected))
    except SettingsError:  # such as a detector whose head is not known
        return None
