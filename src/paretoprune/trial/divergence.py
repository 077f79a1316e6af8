"""KL divergence between the outputs of two classifiers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div


@torch.inference_mode()
def log_probabilities(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return log-probabilities in nats, shape (N, classes). Leaves the model in evaluation mode."""
    logits: Tensor = model.eval()(inputs)
    return logits.log_softmax(1)


def divergence_from(wanted: Tensor, model: nn.Module, inputs: Tensor) -> float:
    """Return the mean KL(wanted || model) in nats; `wanted` are from `log_probabilities`."""
    found = log_probabilities(model, inputs)
    return float(kl_div(found, wanted, reduction="batchmean", log_target=True))
