"""Bit operations: against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from paretoprune.measure.bit_operations import bit_operations, float_bit_operations
from paretoprune.measure.macs import count_macs

NETWORK = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 25, 10))
EXAMPLE = torch.zeros(2, 3, 5, 5)
CONV, LINEAR = 25 * 9 * 3 * 4, 1000


def test_products_count_by_the_bits_of_both_factors() -> None:
    found = bit_operations(
        NETWORK, EXAMPLE, {"0.weight": 3, "2.weight": 8}, activation_bits=8, macs=CONV + LINEAR
    )
    assert found == CONV * 3 * 8 + LINEAR * 8 * 8


def test_layers_in_floating_point_count_like_float_models() -> None:
    macs = count_macs(NETWORK, EXAMPLE)
    some = bit_operations(NETWORK, EXAMPLE, {"2.weight": 4}, activation_bits=32, macs=macs)
    assert some == CONV * 32 * 32 + LINEAR * 4 * 32
    none = bit_operations(NETWORK, EXAMPLE, {}, activation_bits=8, macs=macs)
    assert none == float_bit_operations(macs)


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_zeros_are_not_counted(share: float) -> None:
    bits, macs = {"0.weight": 2, "2.weight": 2}, CONV + LINEAR
    few = bit_operations(NETWORK, EXAMPLE, bits, activation_bits=32, macs=int(share * macs))
    assert few == pytest.approx(share * macs * 2 * 32, rel=1e-3)


def test_the_weight_of_a_single_layer_has_its_bits() -> None:
    layer, example = nn.Linear(6, 2), torch.zeros(1, 6)
    assert bit_operations(layer, example, {"weight": 8}, activation_bits=8, macs=12) == 12 * 64
