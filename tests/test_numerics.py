"""Warnings on numerical errors: each at its threshold, with the layer's name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from paretoprune.numerics import LayerError, NumericalErrors, warnings_of

GOOD = LayerError(
    "conv", bits=8, size_bytes=1000, own_db=40, accumulated_db=30, input_db=31, crest=10
)


def warned(*layers: LayerError, lacks_vnni: bool = False) -> str:
    return "\n".join(warnings_of(NumericalErrors(layers, lacks_vnni=lacks_vnni)))


def deep(*decibels: float) -> list[LayerError]:
    return [
        replace(GOOD, layer=f"layer{place}", accumulated_db=one)
        for place, one in enumerate(decibels)
    ]


def test_a_level_error_gives_no_warning() -> None:
    assert warned(*deep(41, 31, 29, 28, 29, 28, 28, 29, 28)) == ""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"accumulated_db": 9.9}, "below 10 dB in `conv`, 9.9 dB in `conv`"),
        ({"saturated": 0.2}, "did not see the range of the input of `conv` (up to 0.2 %"),
        ({"crest": 41.0}, "outliers own the range of the input of `conv` (the largest is 41 times"),
        ({"largest_sum": 2.0**31}, "sums in int32 can overflow in `conv`"),
    ],
)
def test_a_broken_layer_is_named(change: dict[str, float], sentence: str) -> None:
    assert sentence in warned(GOOD, replace(GOOD, **change))
    assert len(warnings_of(NumericalErrors([replace(GOOD, **change)]))) == 1


def test_an_error_that_grows_with_depth_is_reported() -> None:
    assert (
        "grows with depth: 40 dB in the layers up to `layer2`, 29 dB in those up to `layer5`"
        in (warned(*deep(40, 40, 40, 29, 29, 29, 20, 20, 20)))
    )
    assert warned(*deep(40, 40, 40, 31, 31, 31, 22, 22, 22)) == ""  # 9 dB each
    assert warned(*deep(40, 20)) == ""  # too few layers to speak of depth


def test_more_bits_are_proposed_where_they_are_cheap() -> None:
    small = replace(GOOD, layer="small", bits=4, size_bytes=40, own_db=20, input_db=25)
    assert warned(GOOD, small) == (
        "more bits are cheap for `small`: one bit costs 10 bytes, under 5 % of the weights"
    )
    assert warned(GOOD, replace(small, bits=8)) == ""  # it has all bits
    assert warned(GOOD, replace(small, size_bytes=900)) == ""  # not cheap
    assert warned(GOOD, replace(small, input_db=22)) == ""  # what arrives is no better


def test_pairs_of_products_overflow_on_old_processors_only() -> None:
    full = replace(GOOD, largest_pair=37_710.0)
    assert (
        "no VNNI and adds pairs of products in int16, which can saturate in `conv` (up to 37,710"
        in (warned(full, lacks_vnni=True))
    )
    assert warned(full) == warned(replace(full, largest_pair=32_767.0), lacks_vnni=True) == ""


def test_many_layers_are_counted() -> None:
    assert "`layer0`, `layer1`, `layer2` and 2 more, 5.0 dB" in warned(*deep(5, 5, 5, 5, 5))


def test_they_are_stored_as_plain_data() -> None:
    errors = NumericalErrors((GOOD,), agreement=99.5, divergence=0.01)
    assert NumericalErrors.from_json(json.loads(json.dumps(errors.to_json()))) == errors
    assert errors.in_words == (
        "numerical error on validation samples: own at least 40 dB (`conv`), accumulated at least "
        "30 dB (`conv`), the class of the float model for 99.5 %, divergence 0.01"
    )
