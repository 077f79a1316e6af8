"""Divergence between the outputs of two models, as their task measures it."""

from __future__ import annotations

import torch
from torch import nn

from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.interface import Outputs


@torch.inference_mode()
def outputs_of(model: nn.Module, batch: TaskBatch) -> Outputs:
    """Return the model's outputs. Leaves the model in evaluation mode."""
    return batch.outputs(model.eval())


@torch.inference_mode()
def divergence_from(wanted: Outputs, model: nn.Module, batch: TaskBatch) -> float:
    """Return the distance of the model's outputs from those `wanted` for the batch.

    For classification this is the mean KL(wanted || model), in nats.
    """
    return float(batch.distance(outputs_of(model, batch), wanted))
