"""How far a model's answers are from the dense model's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div


@torch.inference_mode()
def log_probabilities(model: nn.Module, inputs: Tensor) -> Tensor:
    """Of each class, (N, classes), in nats; in evaluation mode, in which the model is left."""
    logits: Tensor = model.eval()(inputs)
    return logits.log_softmax(1)


def divergence_from(wanted: Tensor, model: nn.Module, inputs: Tensor) -> float:
    """The mean KL(wanted || model's answers) in nats; `wanted` are `log_probabilities`."""
    found = log_probabilities(model, inputs)
    return float(kl_div(found, wanted, reduction="batchmean", log_target=True))
