"""Bit operations of one sample: multiply-accumulate operations by the bits of their factors.

A product of an a-bit and a b-bit number costs about a * b (Baskin et al., UNIQ: Uniform Noise
Injection for Non-Uniform Quantization of Neural Networks, 2021, section 4.3).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from paretoprune.measure.macs import macs_per_layer
from paretoprune.tasks.inputs import Example

FLOAT_BITS = 32


def float_bit_operations(macs: int) -> int:
    """Return the bit operations of a model in float32."""
    return macs * FLOAT_BITS**2


def bit_operations(
    model: nn.Module,
    example: Example,
    weight_bits: Mapping[str, int],
    *,
    activation_bits: int,
    macs: int,
) -> int:
    """Return the bit operations of a quantized model: MACs x bits of weights x bits of activations.

    `weight_bits` by the name of a weight in the float `model`; other products, such as those of
    attention, are in float32. `macs` are the MACs of the model: if zeros are not counted, all
    layers are taken to have the same share of them.
    """
    counts = macs_per_layer(model, example)
    names = {
        path: path if path in weight_bits else f"{path}.weight".removeprefix(".") for path in counts
    }
    total = sum(
        count * weight_bits[names[path]] * activation_bits
        if names[path] in weight_bits
        else count * FLOAT_BITS**2
        for path, count in counts.items()
    )
    return round(total * macs / max(1, sum(counts.values())))
