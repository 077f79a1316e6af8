"""Rounding of all weights of a model, with bias correction of BatchNorm."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paretoprune.formats.compact import Rounded
from paretoprune.quantization.gptq import round_in_order
from paretoprune.quantization.grid import BITS, check_bits, round_weight
from paretoprune.quantization.shift import check_finite, shift_statistics
from paretoprune.tasks.inputs import Example, inputs_of


@dataclass(frozen=True)
class RoundedModel:
    """A model whose weights are rounded to grids, with grids and bits by weight name."""

    model: nn.Module
    weights: Mapping[str, Rounded]
    bits: Mapping[str, int]


@torch.no_grad()
def round_weights(
    model: nn.Module, bits: int | Mapping[str, int], samples: Example | None = None
) -> RoundedModel:
    """Return a copy of the model, in evaluation mode, with every weight rounded to `bits` bits.

    Weights are the floating-point parameters with two or more dimensions (`weights_of`); the others
    are unchanged. `bits` is one number, or a number for each weight by its (first) name. With
    calibration `samples`, weights of fewer than 8 bits are rounded by GPTQ, and BatchNorm
    statistics and biases are corrected for the rounding; without, weights are rounded to the
    nearest level.

    Raises:
        QuantizationError: a weight or a sample is not finite, or there is no such grid.
    """
    given = dict.fromkeys(weights_of(model), bits) if isinstance(bits, int) else dict(bits)
    for each in [bits] if isinstance(bits, int) else given.values():
        check_bits(each)
    rounded = copy.deepcopy(model).eval()
    weights: dict[str, Rounded] = {}
    if samples is not None:
        check_finite(inputs_of(samples))
        few = {name: each for name, each in given.items() if each < BITS[-1]}
        weights |= round_in_order(rounded, few, inputs_of(samples)) if few else {}
    first: dict[Tensor, str] = {}
    for name, parameter in weights_of(rounded).items():
        if parameter in first:  # tied weights
            weights[name], given[name] = weights[first[parameter]], given[first[parameter]]
            continue
        first[parameter] = name
        if name not in weights:
            weights[name] = round_weight(name, parameter, given[name])
            parameter.copy_(torch.from_numpy(weights[name].values))
    if samples is not None:
        shift_statistics(rounded, model, samples)
    return RoundedModel(rounded, weights, given)


def weights_of(model: nn.Module, *, tied: bool = True) -> dict[str, nn.Parameter]:
    """Return the parameters that are rounded by name; tied ones by all names, or by the first."""
    return {
        name: parameter
        for name, parameter in model.named_parameters(remove_duplicate=not tied)
        if parameter.dim() > 1 and parameter.is_floating_point()
    }
