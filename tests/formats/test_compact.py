"""The compact file: what is written comes back, in as few bytes as the symbols need."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from paretoprune.errors import WeightsError
from paretoprune.formats.compact import Rounded, encode_compact, huffman, mask_wins
from paretoprune.formats.compact_reader import decode_compact

SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
CODES = SHAPES.flatmap(
    lambda shape: arrays.arrays(np.int8, shape, elements=st.integers(-127, 127) | st.just(0))
)
EXACT = st.sampled_from(["<f4", "<f8", "<f2", "<i8", "|u1", "|b1"]).flatmap(
    lambda dtype: arrays.arrays(np.dtype(dtype), SHAPES | st.just(()))
)


def rounded(codes: np.ndarray, exponent: int = -7) -> Rounded:
    scales = np.linspace(-1, 2, len(codes)).astype(np.float16)
    return Rounded(codes, scales, exponent)


def entropy_bytes(codes: np.ndarray) -> float:
    """The bound of Shannon (1948) for symbols that are coded one by one."""
    counts = np.unique(codes, return_counts=True)[1]
    return float(-(counts * np.log2(counts / codes.size)).sum() / 8)


@settings(max_examples=100, deadline=None)
@given(st.lists(CODES, max_size=4), st.lists(EXACT, max_size=4), st.integers(-30, 10))
def test_every_tensor_comes_back(
    codes: list[np.ndarray], exact: list[np.ndarray], exponent: int
) -> None:
    weights = {f"w{n}": rounded(each, exponent) for n, each in enumerate(codes)}
    others = {f"o{n}": each for n, each in enumerate(exact)}
    found = decode_compact(encode_compact({**weights, **others}))
    assert [*found] == [*weights, *others]
    for name, weight in weights.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], weight.values)
    for name, tensor in others.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        assert found[name].tobytes() == tensor.tobytes()  # NaN and -0.0 as well


@pytest.mark.parametrize(
    "codes",
    [
        np.zeros((4, 3, 3, 3), np.int8),
        np.full((3, 5), -127, np.int8),
        np.full((1, 1), 7, np.int8),
        np.zeros((0, 3), np.int8),
        np.zeros((3, 0), np.int8),
    ],
    ids=["zeros", "constant and negative", "one element", "no outputs", "no inputs"],
)
def test_odd_weights_come_back(codes: np.ndarray) -> None:
    weight = rounded(codes)
    np.testing.assert_array_equal(decode_compact(encode_compact({"w": weight}))["w"], weight.values)


def test_zeros_of_both_signs_and_what_is_not_finite_come_back() -> None:
    for values in ([0.0, -0.0], [np.inf, np.inf], [np.nan], [-0.0]):
        tensor = np.array(values, np.float32)
        assert decode_compact(encode_compact({"t": tensor}))["t"].tobytes() == tensor.tobytes()


def test_the_same_tensor_is_stored_once() -> None:
    rng = np.random.default_rng(0)
    weight = rounded(rng.integers(-127, 128, (64, 64)).astype(np.int8))
    once, twice = encode_compact({"a": weight}), encode_compact({"a": weight, "b": weight})
    assert len(twice) < len(once) + 100
    found = decode_compact(twice)
    np.testing.assert_array_equal(found["a"], found["b"])


@pytest.mark.parametrize(
    ("spread", "slack"), [(40.0, 1.02), (10.0, 1.02), (3.0, 1.03), (1.0, 1.06)]
)
def test_symbols_take_little_more_than_their_entropy(spread: float, slack: float) -> None:
    """From about 7 bits of entropy down to about 2."""
    codes = np.random.default_rng(0).normal(0, spread, 2**17).round().clip(-127, 127)
    content = encode_compact({"w": rounded(codes.astype(np.int8).reshape(64, -1))})
    assert entropy_bytes(codes) <= len(content) <= slack * entropy_bytes(codes) + 800


@pytest.mark.parametrize(("share", "slack"), [(0.7, 1.05), (0.9, 1.05), (0.99, 1.3)])
def test_a_mask_takes_over_where_a_huffman_code_ends(share: float, slack: float) -> None:
    """A Huffman code has at least one bit for a symbol; mostly zeros carry less."""
    rng = np.random.default_rng(0)
    codes = rng.normal(0, 40, 2**17).round().clip(-127, 127).astype(np.int8)
    codes[rng.random(2**17) < share] = 0
    assert mask_wins(codes)
    content = encode_compact({"w": rounded(codes.reshape(64, -1))})
    assert len(content) < len(huffman(codes.tobytes()))
    assert len(content) <= slack * entropy_bytes(codes) + 800
    assert not mask_wins(rng.integers(-127, 128, 1000).astype(np.int8))


def test_zeros_in_one_layer_do_not_spoil_another() -> None:
    rng = np.random.default_rng(0)
    dense = rng.integers(-127, 128, (64, 512)).astype(np.int8)
    sparse = np.where(rng.random((64, 512)) < 0.95, 0, dense).astype(np.int8)
    apart = sum(len(encode_compact({"w": rounded(codes)})) for codes in (dense, sparse))
    assert len(encode_compact({"a": rounded(dense), "b": rounded(sparse)})) < apart


def test_damage_is_a_sentence() -> None:
    content = encode_compact({"w": rounded(np.arange(-60, 60, dtype=np.int8).reshape(4, 30))})
    arrays_in_it = safetensors.numpy.load(content)
    short = safetensors.numpy.save({**arrays_in_it, "scales": arrays_in_it["scales"][:2]})
    layout = json.dumps([["w", [4], "secret"]]).encode()
    odd = safetensors.numpy.save(
        {
            **arrays_in_it,
            "layout": np.frombuffer(zlib.compress(layout, wbits=-15), np.uint8),
        }
    )
    lacking = safetensors.numpy.save({"w": np.zeros(3)})
    for damaged in (b"", b"x" * 100, content[:-20], short, odd, lacking):
        with pytest.raises(WeightsError, match="the compact file is damaged: "):
            decode_compact(damaged)
