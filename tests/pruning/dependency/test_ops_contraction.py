"""Rules of matrix products and convolutions, on tensors whose symbols are all written out."""

from __future__ import annotations

import pytest

from paretoprune.pruning.dependency.ops_contraction import convolution, product
from paretoprune.pruning.dependency.ops_elementwise import Labelled
from paretoprune.pruning.dependency.symbols import Labels
from tests.kits.labels import NamedSymbols


@pytest.fixture
def kit() -> NamedSymbols:
    return NamedSymbols()


MATRIX, OTHER = (1, 2, 3), (1, 3, 2)
BATCH, OTHER_BATCH = (2, 2, 3), (2, 3, 2)
FIXED_SIZE = "it is combined with a tensor of fixed size in op"
KEPT = "it is combined with channels that cannot be removed in op"

Planes = dict[str, int | tuple[int, ...]]
PRODUCTS: dict[str, tuple[Planes, Planes, list[str], list[str], dict[str, str]]] = {
    "matrices": (
        {"a": 1, "b": 2},
        {"c": 1, "d": 2},
        ["1x2x1 a0 a1", "1x1x2 d0 d1"],
        ["b0 c0", "b1 c1", "b2 c2"],
        {},
    ),
    "rows and columns that differ along what is summed": (
        {"a": (1, 2)},
        {"b": (1, 2)},
        ["1x2x1 a0 a3", "1x1x2 b0 b1"],
        ["a0 a1 a2", "a3 a4 a5", "b0 b2 b4", "b1 b3 b5"],
        {},
    ),
    "two planes along what is summed": (
        {"a": 2, "b": 2},
        {"c": 1, "d": 1},
        [],
        ["a0 c0", "a1 c1", "a2 c2"],
        {"op takes them jointly with other channels": "b0 b1 b2 d0 d1 d2"},
    ),
    "a factor of fixed size": ({}, {"a": 2}, ["1x1x2 a0 a1"], [], {}),
    "a sum over a factor of fixed size": (
        {"a": 1, "b": 2},
        {},
        ["1x2x1 a0 a1"],
        [],
        {FIXED_SIZE: "b0 b1 b2"},
    ),
    "a sum of fixed size over channels": (
        {},
        {"a": 1, "b": 2},
        ["1x1x2 b0 b1"],
        [],
        {FIXED_SIZE: "a0 a1 a2"},
    ),
}
BATCHES: dict[str, tuple[Planes, Planes, list[str], list[str], dict[str, str]]] = {
    "heads on both sides": (
        {"h": 0, "a": 1, "b": 2},
        {"i": 0, "c": 1, "d": 2},
        ["1x2x1 a0 a1", "1x1x2 d0 d1", "2x1x1 h0 h1"],
        ["h0 i0", "h1 i1", "b0 c0", "b1 c1", "b2 c2"],
        {},
    ),
    "heads on the left": ({"h": 0}, {}, ["2x1x1 h0 h1"], [], {FIXED_SIZE: "h0 h1"}),
    "heads on the right": ({}, {"h": 0}, ["2x1x1 h0 h1"], [], {FIXED_SIZE: "h0 h1"}),
    "channels of heads, summed": (
        {"a": (0, 2)},
        {"b": (0, 1)},
        ["2x1x1 a0 a3"],
        ["a0 a1 a2 b0 b1 b2", "a3 a4 a5 b3 b4 b5"],
        {},
    ),
    "channels of heads, by those that all heads share": (
        {"a": (0, 2)},
        {"b": 1},
        ["2x1x1 a0 a3"],
        [],
        {FIXED_SIZE: "a0 a1 a2 a3 a4 a5 b0 b1 b2"},
    ),
    "channels of heads, kept": (
        {"a": (0, 1)},
        {"b": (0, 2)},
        ["2x1x1 a0 a2"],
        ["a0 a1 b0 b1", "a2 a3 b2 b3"],
        {},
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_sums_over_channels_of_both_factors(kit: NamedSymbols, name: str) -> None:
    left, right, planes, classes, fixed = PRODUCTS[name]
    sides = kit.named(MATRIX, **left), kit.named(OTHER, **right)
    assert kit.planes(product(kit.symbols, *sides, "op")) == planes
    assert (kit.classes(), kit.fixed()) == (classes, fixed)


@pytest.mark.parametrize("name", BATCHES)
def test_heads_are_removed_on_both_sides(kit: NamedSymbols, name: str) -> None:
    left, right, planes, classes, fixed = BATCHES[name]
    sides = kit.named(BATCH, **left), kit.named(OTHER_BATCH, **right)
    assert kit.planes(product(kit.symbols, *sides, "op")) == planes
    assert (kit.classes(), kit.fixed()) == (classes, fixed)


def test_a_factor_that_all_heads_share_leaves_them_free(kit: NamedSymbols) -> None:
    sides = kit.named(BATCH, h=0, b=2), kit.named(OTHER, c=1)
    assert kit.planes(product(kit.symbols, *sides, "op")) == ["2x1x1 h0 h1"]
    assert kit.classes() == ["b0 c0", "b1 c1", "b2 c2"] and kit.fixed() == {}


def test_a_product_with_a_tensor_without_labels(kit: NamedSymbols) -> None:
    left, right = kit.named(BATCH, h=0, a=1, b=2), kit.named(OTHER_BATCH, i=0, c=1, d=2)
    nothing = Labelled(BATCH, None), Labelled(OTHER_BATCH, None)
    assert product(kit.symbols, *nothing, "op") is None
    found = product(kit.symbols, left, nothing[1], "op")
    assert kit.planes(found) == ["1x2x1 a0 a1", "2x1x1 h0 h1"]
    found = product(kit.symbols, nothing[0], right, "op")
    assert kit.planes(found) == ["1x1x2 d0 d1", "2x1x1 i0 i1"]
    assert kit.classes() == [] and kit.fixed() == {}


def test_channels_that_meet_fixed_ones_in_a_sum_are_fixed(kit: NamedSymbols) -> None:
    left, right = kit.named(MATRIX, b=2), kit.named(OTHER, c=1)
    right.planes[0][0, 2, 0] = 0
    product(kit.symbols, left, right, "op")
    assert kit.classes() == ["b0 c0", "b1 c1"] and kit.fixed() == {KEPT: "b2"}


def weight_of(kit: NamedSymbols, groups: int, transposed: bool) -> Labelled:
    """Of 3 channels to 4, or to 2 each where each channel is a group."""
    if groups == 1:
        return kit.named((3, 4, 2) if transposed else (4, 3, 2), a=0, b=1, c=2)
    return kit.named((3, 2, 2), a=0, b=1, c=2) if transposed else kit.named((6, 1, 2), a=0, c=2)


CASES = [(1, False), (1, True), (3, False), (3, True)]
PRODUCED = {
    (1, False): "1x4x1 a0 a1 a2 a3",
    (1, True): "1x4x1 b0 b1 b2 b3",
    (3, False): "1x6x1 a0 a1 a2 a3 a4 a5",
    (3, True): "1x6x1 a0 a0 a1 a1 a2 a2",
}
TAKES, GROUPED = (
    "op takes channels that cannot be removed",
    "op is grouped: only whole groups of it can go",
)
KERNEL = {
    (1, False): {TAKES: "c0 c1"},
    (1, True): {TAKES: "c0 c1"},
    (3, False): {GROUPED: "c0 c1"},
    (3, True): {GROUPED: "b0 b1 c0 c1"},
}


@pytest.mark.parametrize("case", CASES)
def test_a_convolution_takes_channels_and_produces_others(
    kit: NamedSymbols, case: tuple[int, bool]
) -> None:
    inputs, weight = kit.named((2, 3, 5), x=1), weight_of(kit, *case)
    labels = convolution(kit.symbols, inputs, weight, case[0], transposed=case[1], what="op")
    assert kit.planes(labels) == [PRODUCED[case]] and kit.fixed() == KERNEL[case]
    assert (
        kit.classes()
        == {
            (1, False): ["x0 b0", "x1 b1", "x2 b2"],
            (1, True): ["x0 a0", "x1 a1", "x2 a2"],
            (3, False): ["x0 a0 a1", "x1 a2 a3", "x2 a4 a5"],
            (3, True): ["x0 a0", "x1 a1", "x2 a2"],
        }[case]
    )


@pytest.mark.parametrize("case", CASES)
def test_a_convolution_of_inputs_that_stay(kit: NamedSymbols, case: tuple[int, bool]) -> None:
    weight = weight_of(kit, *case)
    inputs = kit.named((2, 3, 5))
    labels = convolution(kit.symbols, inputs, weight, case[0], transposed=case[1], what="op")
    assert kit.planes(labels) == [PRODUCED[case]] and kit.classes() == []
    assert (
        kit.fixed()
        == {
            (1, False): {TAKES: "b0 b1 b2 c0 c1"},
            (1, True): {TAKES: "a0 a1 a2 c0 c1"},
            (3, False): {TAKES: "a0 a1 a2 a3 a4 a5", GROUPED: "c0 c1"},
            (3, True): {TAKES: "a0 a1 a2", GROUPED: "b0 b1 c0 c1"},
        }[case]
    )


@pytest.mark.parametrize("case", CASES)
def test_a_convolution_of_inputs_without_labels(kit: NamedSymbols, case: tuple[int, bool]) -> None:
    inputs, weight = Labelled((2, 3, 5), None), weight_of(kit, *case)
    labels = convolution(kit.symbols, inputs, weight, case[0], transposed=case[1], what="op")
    assert kit.planes(labels) == [PRODUCED[case]] and kit.fixed() == KERNEL[case]
    assert kit.classes() == (["a0 a1", "a2 a3", "a4 a5"] if case == (3, False) else [])


@pytest.mark.parametrize("case", CASES)
def test_a_weight_of_fixed_size_fixes_what_it_takes(
    kit: NamedSymbols, case: tuple[int, bool]
) -> None:
    weight = kit.named(weight_of(kit, *case).shape)
    groups, transposed = case
    nothing = kit.named((2, 3, 5))
    assert (
        convolution(kit.symbols, nothing, weight, groups, transposed=transposed, what="op")
        == Labels()
    )
    inputs = kit.named((2, 3, 5), x=1)
    assert kit.fixed() == {}
    assert (
        convolution(kit.symbols, inputs, weight, groups, transposed=transposed, what="op")
        == Labels()
    )
    assert kit.fixed() == {"op has a weight of fixed size": "x0 x1 x2"}


def test_a_convolution_fixes_what_it_slides_over(kit: NamedSymbols) -> None:
    inputs, weight = kit.named((2, 3, 4), w=0, x=1, y=2, z=1), kit.named((2, 3, 1), a=0, b=1)
    labels = convolution(kit.symbols, inputs, weight, 1, transposed=False, what="op")
    assert kit.planes(labels) == ["1x2x1 a0 a1"]
    assert kit.classes() == ["x0 b0", "x1 b1", "x2 b2"]
    assert kit.fixed() == {
        "op slides over its channels": "w0 w1 y0 y1 y2 y3",
        "op takes them jointly with other channels": "z0 z1 z2",
    }


@pytest.mark.parametrize("groups", [1, 2])
def test_a_weight_whose_entries_are_single_channels_is_fixed(
    kit: NamedSymbols, groups: int
) -> None:
    """As one that a permutation has mixed."""
    inputs, weight = kit.named((2, 4, 5), x=1), kit.named((2, 4 // groups, 1), a=(0, 1))
    labels = convolution(kit.symbols, inputs, weight, groups, transposed=False, what="op")
    assert labels == Labels()
    names = " ".join(f"a{n}" for n in range(8 // groups))
    assert names in kit.fixed().values()


def test_groups_of_several_channels_are_removed_whole(kit: NamedSymbols) -> None:
    inputs, weight = kit.named((2, 4, 5), x=1), kit.named((6, 2, 1), a=0)
    labels = convolution(kit.symbols, inputs, weight, 2, transposed=False, what="op")
    assert kit.planes(labels) == ["1x6x1 a0 a1 a2 a3 a4 a5"]
    assert kit.classes() == ["x0 x1 a0 a1 a2", "x2 x3 a3 a4 a5"] and kit.fixed() == {}


@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution_of_channels_some_of_which_stay(kit: NamedSymbols, groups: int) -> None:
    inputs = kit.named((2, 4, 5), x=1)
    inputs.planes[0][0, 3, 0] = 0
    weight = kit.named((2, 4, 1), b=1) if groups == 1 else kit.named((2, 2, 1), b=0)
    convolution(kit.symbols, inputs, weight, groups, transposed=False, what="op")
    assert kit.fixed() == ({KEPT: "b3"} if groups == 1 else {TAKES: "x2 b1"})
