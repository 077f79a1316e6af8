"""Rounding of all weights of a model, with bias correction of BatchNorm."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paretoprune.formats.compact import Rounded
from paretoprune.quantization.grid import check_bits, round_weight
from paretoprune.quantization.shift import shift_statistics
from paretoprune.tasks.inputs import Example


@dataclass(frozen=True)
class RoundedModel:
    """A model whose weights are rounded to grids, with grids and bits by weight name."""

    model: nn.Module
    weights: Mapping[str, Rounded]
    bits: Mapping[str, int]


@torch.no_grad()
def round_weights(model: nn.Module, bits: int, samples: Example | None = None) -> RoundedModel:
    """Return a copy of the model, in evaluation mode, with every weight rounded to `bits` bits.

    Weights are the floating-point parameters with two or more dimensions; the others are unchanged.
    With calibration `samples`, BatchNorm statistics and biases are corrected for the
    rounding on them; without, only the weights change.

    Raises:
        QuantizationError: a weight or a sample is not finite, or there is no such grid.
    """
    check_bits(bits)
    rounded = copy.deepcopy(model).eval()
    weights: dict[str, Rounded] = {}
    first: dict[Tensor, str] = {}
    for name, parameter in rounded.named_parameters(remove_duplicate=False):
        if parameter.dim() < 2 or not parameter.is_floating_point():
            continue
        if parameter in first:  # tied weights
            weights[name] = weights[first[parameter]]
            continue
        first[parameter] = name
        weights[name] = round_weight(name, parameter, bits)
        parameter.copy_(torch.from_numpy(weights[name].values))
    if samples is not None:
        shift_statistics(rounded, model, samples)
    return RoundedModel(rounded, weights, dict.fromkeys(weights, bits))
