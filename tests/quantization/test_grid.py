"""Weights on grids: errors within half a step, the same values after a file, bad input raises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from paretoprune.errors import QuantizationError
from paretoprune.formats.compact import encode_compact
from paretoprune.formats.compact_reader import decode_compact
from paretoprune.quantization.grid import rescaled, round_weight

WEIGHTS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=4, max_side=4),
    elements=st.floats(-1e3, 1e3, width=32, allow_subnormal=False),
)


@settings(max_examples=100, deadline=None)
@given(WEIGHTS, st.integers(2, 8), st.integers(-60, 60))
def test_rounding_is_exact_in_a_file_and_near_the_weight(
    weight: np.ndarray, bits: int, power: int
) -> None:
    """However large or small the weights are."""
    weight = np.ldexp(weight, power)
    found = round_weight("w", torch.from_numpy(weight), bits)
    levels = 2 ** (bits - 1) - 1
    assert abs(found.codes.astype(int)).max(initial=0) <= levels
    np.testing.assert_array_equal(decode_compact(encode_compact({"w": found}))["w"], found.values)
    if bits == 8:
        largest = abs(weight).reshape(len(weight), -1).max(1, initial=0)
        error = abs(found.values - weight).reshape(len(weight), -1).max(1, initial=0)
        floor = largest.max(initial=0) * 2.0**-18  # what float16 steps of other outputs can lose
        assert (error <= 0.51 * largest / levels + floor).all()


def test_few_bits_cut_off_a_large_weight() -> None:
    weight = torch.full((1, 100), 0.1)
    weight[0, 0] = 0.2
    found = round_weight("w", weight, 2)
    assert set(found.codes.flatten().tolist()) == {1}
    nearest = (weight - torch.from_numpy(found.values)).square().sum()
    at_the_largest = 99 * 0.1**2
    assert nearest < 0.1 * at_the_largest


@pytest.mark.parametrize("bits", range(2, 9))
def test_more_bits_are_never_worse(bits: int) -> None:
    weight = torch.randn(16, 90, generator=torch.Generator().manual_seed(0))
    errors = [
        (torch.from_numpy(round_weight("w", weight, each).values) - weight).square().sum()
        for each in (bits, min(8, bits + 1))
    ]
    assert errors[1] <= errors[0]


@pytest.mark.parametrize(
    "weight",
    [torch.zeros(3, 4), torch.zeros(0, 4), torch.zeros(3, 0), -torch.ones(2, 2), torch.ones(1, 1)],
    ids=["zeros", "no outputs", "no inputs", "negative", "one element"],
)
def test_weights_that_lie_on_the_grid_stay(weight: torch.Tensor) -> None:
    values = torch.from_numpy(round_weight("w", weight, 8).values)
    torch.testing.assert_close(values, weight, rtol=1e-3, atol=0)


def test_a_factor_moves_the_steps_and_no_code() -> None:
    weight = round_weight("w", torch.randn(4, 9, generator=torch.Generator().manual_seed(0)), 4)
    factor = torch.tensor([2.0, -0.5, 0.0, 1e-4])
    moved = rescaled(weight, factor)
    np.testing.assert_array_equal(moved.codes, weight.codes)
    expected = weight.values * factor.numpy()[:, None]
    np.testing.assert_allclose(moved.values, expected, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("weight", "bits", "sentence"),
    [
        (torch.ones(2, 2), 1, "cannot be rounded to 1 bit: a symmetric grid has from 2"),
        (torch.ones(2, 2), 9, "cannot be rounded to 9 bits"),
        (torch.tensor([[1.0, float("nan")]]), 8, "`w` holds NaN or infinity"),
        (torch.tensor([[float("-inf")]]), 4, "`w` holds NaN or infinity"),
    ],
)
def test_what_has_no_grid_is_reported(weight: torch.Tensor, bits: int, sentence: str) -> None:
    with pytest.raises(QuantizationError, match=sentence):
        round_weight("w", weight, bits)
