"""Sensitivity of the loss to rounding: diagonal Fisher information times squared error.

Dong et al., HAWQ-V2: Hessian Aware trace-Weighted Quantization of Neural Networks (2020), weigh
squared errors by the mean diagonal of the Hessian of a layer; here each weight has its own entry,
of the empirical Fisher information.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from paretoprune.errors import QuantizationError
from paretoprune.quantization.grid import round_weight
from paretoprune.quantization.weights import weights_of
from paretoprune.tasks.bound import TaskBatch

_NUM_SAMPLES = 128
_CHUNK = 4  # samples in a gradient: their gradients hardly correlate in a trained model


def fisher_information(model: nn.Module, samples: TaskBatch) -> dict[str, Tensor]:
    """Return the mean squared gradient of the loss by each rounded weight, by name.

    Raises:
        QuantizationError: the gradients are not finite.
    """
    model = copy.deepcopy(model).eval()
    weights = weights_of(model, tied=False)
    found = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for weight in weights.values():
        weight.requires_grad_(True)
    samples = samples[:_NUM_SAMPLES]
    for start in range(0, len(samples), _CHUNK):
        part = samples[start : start + _CHUNK]
        gradients = torch.autograd.grad(part.loss(model), [*weights.values()], allow_unused=True)
        for name, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                found[name] += len(part) ** 2 * gradient.square() / len(samples)
    for name, information in found.items():
        if not torch.isfinite(information).all():
            raise QuantizationError(
                f"the gradients of `{name}` on the calibration samples are NaN or infinite; repair "
                "the training data or the model"
            )
    return found


@torch.no_grad()
def damages(
    model: nn.Module, information: Mapping[str, Tensor], bits: Sequence[int]
) -> dict[str, dict[int, float]]:
    """Return the expected increase of the loss by weight name and bits.

    It is `sum(information * (rounded - weight)**2) / 2` with rounding to the nearest level.
    """

    def damage(name: str, weight: Tensor, each: int) -> float:
        rounded = torch.from_numpy(round_weight(name, weight, each).values).to(weight)
        return float((information[name] * (rounded - weight).square()).sum()) / 2

    return {
        name: {each: damage(name, weight, each) for each in bits}
        for name, weight in weights_of(model, tied=False).items()
    }
