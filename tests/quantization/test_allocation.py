"""Allocation of bits: against brute force, within the size, and as specified."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoprune.quantization.allocation import (
    allocate_bits,
    in_words,
    mean_bits,
    packed_bytes,
    predicted_bytes,
)
from paretoprune.quantization.compact import compact_bytes
from paretoprune.quantization.weights import round_weights

WIDTHS = (8, 6, 4, 3, 2)
SIZES = {"a": 100, "b": 1000, "c": 400}


def quartering(scale: float) -> dict[int, float]:
    """Damage that falls by four with each bit, as of uniform rounding."""
    return {bits: scale * 4.0**-bits for bits in WIDTHS}


def total(bits: dict[str, int]) -> float:
    return mean_bits(bits, SIZES)


def brute_force(damages: dict[str, dict[int, float]], mean: float) -> float:
    """The least damage of all allocations within the size."""
    every = (dict(zip(damages, bits, strict=True)) for bits in itertools.product(WIDTHS, repeat=3))
    return min(sum(damages[n][b] for n, b in bits.items()) for bits in every if total(bits) <= mean)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3),
    st.floats(2.0, 8.0),
)
def test_it_is_within_the_size_and_near_the_best(scales: list[float], mean: float) -> None:
    damages = {name: quartering(one) for name, one in zip(SIZES, scales, strict=True)}
    bits = allocate_bits(damages, SIZES, mean=mean)
    assert total(bits) <= mean
    damage = sum(damages[n][b] for n, b in bits.items())
    # Never worse than uniform bits, and optimal at the sizes of the hull.
    uniform = max(width for width in WIDTHS if width <= mean)
    assert damage <= sum(damages[n][uniform] for n in SIZES) * (1 + 1e-9)
    assert damage <= brute_force(damages, total(bits)) * 16


def test_it_is_never_worse_than_uniform_bits() -> None:
    """The greedy steps overshoot the size here."""
    damages = {name: quartering(1.0) for name in SIZES}
    bits = allocate_bits(damages, SIZES, mean=3.0)
    damage = sum(damages[n][b] for n, b in bits.items())
    assert damage <= sum(damages[n][3] for n in SIZES)


def test_sensitive_layers_get_more_bits() -> None:
    damages = {"a": quartering(1000.0), "b": quartering(0.1), "c": quartering(1.0)}
    bits = allocate_bits(damages, SIZES, mean=3)
    assert bits["a"] > bits["c"] > bits["b"]


def test_at_sizes_of_the_hull_it_is_optimal() -> None:
    damages = {"a": quartering(100.0), "b": quartering(1.0), "c": quartering(5.0)}
    for mean in (2.0, 8.0, total({"a": 8, "b": 2, "c": 2}) + 1e-9):
        bits = allocate_bits(damages, SIZES, mean=mean)
        damage = sum(damages[n][b] for n, b in bits.items())
        assert damage == pytest.approx(brute_force(damages, mean))


def test_a_step_skips_bits_that_are_no_better() -> None:
    """4 bits are as bad as 3: no search stops there."""
    flat = {8: 0.0, 6: 0.1, 4: 5.0, 3: 5.0, 2: 100.0}
    for mean in (2, 3, 4, 5, 6, 7, 8):
        assert allocate_bits({"a": flat}, {"a": 10}, mean=mean)["a"] != 4


def test_size_that_is_left_is_given_back() -> None:
    """The last step of the large weight leaves room for a small one."""
    damages = {"a": quartering(1.0), "b": quartering(1e-6)}
    bits = allocate_bits(damages, {"a": 10, "b": 1000}, mean=2.5)
    assert bits == {"a": 8, "b": 2}


def test_least_bits_where_the_size_cannot_be_met() -> None:
    assert allocate_bits({"a": quartering(1.0)}, {"a": 7}, mean=1.0) == {"a": 2}


def test_bytes_of_packed_levels_are_exact() -> None:
    assert packed_bytes({"a": 3, "b": 8}, {"a": 7, "b": 5}) == 3 + 5  # 21 bits, 40 bits


def test_an_allocation_is_identified_by_its_bits() -> None:
    bits = {"a.weight": 3, "b.weight": 8, "c.weight": 3}
    assert in_words(bits, dict.fromkeys(bits, 8)) == (
        "4.67 bits per weight, 14 bytes before coding; 8 bits: b; 3 bits: a and c"
    )


@pytest.mark.parametrize("bits", [8, 4, 3])
@pytest.mark.parametrize("zeros", [0.0, 0.5])
def test_predicted_bytes_are_those_of_the_compact_file(bits: int, zeros: float) -> None:
    """Of normal weights, whose levels are coded a bit better than packed."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(32, 64, 3), torch.nn.Conv2d(64, 64, 3)).eval()
    for weight in (layer.weight.data for layer in model):
        weight.normal_().mul_(torch.rand_like(weight) >= zeros)
    params = sum(int((parameter != 0).sum()) for parameter in model.parameters())
    real = len(compact_bytes(round_weights(model, bits), torch.randn(2, 32, 8, 8)))
    gone = sum(parameter.numel() for parameter in model.parameters()) - params
    assert predicted_bytes(params, bits, zeros=gone) == pytest.approx(real, rel=0.25)
