"""Rules of layout operations: real operations, on tensors whose symbols are all written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from paretoprune.pruning.dependency.call import Result
from paretoprune.pruning.dependency.symbols import Labels
from tests.kits.labels import NamedSymbols

ATEN = torch.ops.aten
FIXED_SIZE = "it is combined with a tensor of fixed size in op"
SELECTED = "one of its channels is selected by a fixed index"


@pytest.fixture
def kit() -> NamedSymbols:
    return NamedSymbols()


def parts_of(kit: NamedSymbols, labels: Result) -> list[list[str]]:
    assert isinstance(labels, list)
    return [kit.planes(one) for one in labels]


MOVES: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any], list[str]]] = {
    "permute": (ATEN.permute.default, ([1, 0],), {}, ["1x2 a0 a1", "3x1 b0 b1 b2"]),
    "roll": (ATEN.roll.default, ([1], [1]), {}, ["2x1 a0 a1", "1x3 b2 b0 b1"]),
    "view": (ATEN.view.default, ([6],), {}, ["6 a0 a0 a0 a1 a1 a1", "6 b0 b1 b2 b0 b1 b2"]),
    "clone": (
        ATEN.clone.default,
        (),
        {"memory_format": torch.contiguous_format},
        ["2x1 a0 a1", "1x3 b0 b1 b2"],
    ),
    "another type": (
        ATEN._to_copy.default,
        (),
        {"dtype": torch.float16},
        ["2x1 a0 a1", "1x3 b0 b1 b2"],
    ),
    "expand": (
        ATEN.expand.default,
        ([4, 2, 3],),
        {},
        ["1x2x1 a0 a1", "1x1x3 b0 b1 b2"],
    ),
    "pad beside": (
        ATEN.constant_pad_nd.default,
        ([1, 2],),
        {},
        ["2x1 a0 a1", "1x6 - b0 b1 b2 - -"],
    ),
    "pad before": (
        ATEN.constant_pad_nd.default,
        ([0, 0, 1, 0],),
        {},
        ["1x3 b0 b1 b2", "3x1 - a0 a1"],
    ),
    "slice": (ATEN.slice.Tensor, (1, 1, 3), {}, ["2x1 a0 a1", "1x2 b1 b2"]),
}


@pytest.mark.parametrize("name", MOVES)
def test_symbols_move_with_the_elements(kit: NamedSymbols, name: str) -> None:
    function, args, kwargs, planes = MOVES[name]
    labels = kit.follow(function, kit.tensor((2, 3), a=0, b=1), *args, **kwargs)
    assert kit.planes(labels) == planes
    assert kit.classes() == [] and kit.fixed() == {}


@pytest.mark.parametrize("name", MOVES)
def test_a_tensor_without_labels_stays_without(kit: NamedSymbols, name: str) -> None:
    function, args, kwargs, _ = MOVES[name]
    assert kit.follow(function, torch.rand(2, 3), *args, **kwargs) is None


def test_one_channel_is_selected(kit: NamedSymbols) -> None:
    assert kit.planes(kit.follow(ATEN.select.int, kit.tensor((2, 3), a=0, b=1), 1, 2)) == [
        "2 a0 a1"
    ]
    assert kit.fixed() == {SELECTED: "b2"}


def test_all_are_selected_one_by_one(kit: NamedSymbols) -> None:
    labels = kit.follow(ATEN.unbind.int, kit.tensor((2, 3), a=0, b=1), 0)
    assert parts_of(kit, labels) == [["3 b0 b1 b2"], ["3 b0 b1 b2"]]
    assert kit.fixed() == {SELECTED: "a0 a1"}


def test_repeats_of_a_tensor_of_fixed_size_may_be_heads(kit: NamedSymbols) -> None:
    assert kit.planes(kit.follow(ATEN.expand.default, kit.tensor((1, 3)), [4, 2, 3])) == [
        "4x1x1 new new new new",
        "1x2x1 new new",
    ]


def test_padding_of_one_dimension_leaves_the_others(kit: NamedSymbols) -> None:
    tensor = kit.tensor((2, 3, 2), a=0, b=1, c=2)
    labels = kit.follow(ATEN.constant_pad_nd.default, tensor, [0, 0, 1, 2])
    assert kit.planes(labels) == ["2x1x1 a0 a1", "1x1x2 c0 c1", "1x6x1 - b0 b1 b2 - -"]


@pytest.mark.parametrize(
    ("function", "sizes", "parts", "classes"),
    [
        (ATEN.split.Tensor, 3, ["b0 b1 b2", "b3 b4 b5"], ["b0 b3", "b1 b4", "b2 b5"]),
        (
            ATEN.split_with_sizes.default,
            [3, 3],
            ["b0 b1 b2", "b3 b4 b5"],
            ["b0 b3", "b1 b4", "b2 b5"],
        ),
        (ATEN.split_with_sizes.default, [2, 4], ["b0 b1", "b2 b3 b4 b5"], []),
        (ATEN.split_with_sizes.default, [6], ["b0 b1 b2 b3 b4 b5"], []),
        (
            ATEN.split_with_sizes.default,
            [2, 2, 2],
            ["b0 b1", "b2 b3", "b4 b5"],
            ["b0 b2 b4", "b1 b3 b5"],
        ),
    ],
)
def test_equal_parts_lose_equally_many(
    kit: NamedSymbols, function: Any, sizes: Any, parts: Sequence[str], classes: Sequence[str]
) -> None:
    labels = kit.follow(function, kit.tensor((2, 6), a=0, b=1), sizes, 1)
    assert parts_of(kit, labels) == [
        ["2x1 a0 a1", f"1x{len(part.split())} {part}"] for part in parts
    ]
    assert kit.classes() == classes and kit.fixed() == {}


@pytest.mark.parametrize(
    ("limits", "row", "classes"),
    [
        ((2, 4), "1x2 b2 b3", ["b0 b2 b4", "b1 b3 b5"]),
        ((3, 6), "1x3 b3 b4 b5", ["b0 b3", "b1 b4", "b2 b5"]),
        ((1, 3), "1x2 b1 b2", []),  # another grid than that of parts of two
        ((0, 4), "1x4 b0 b1 b2 b3", []),  # six are not parts of four
        ((0, 99), "1x6 b0 b1 b2 b3 b4 b5", []),
        ((-3, 6), "1x3 b3 b4 b5", ["b0 b3", "b1 b4", "b2 b5"]),
        ((0, 4, 2), "1x2 b0 b2", []),
        ((3, 3), "1x0", []),
    ],
)
def test_a_part_that_divides_the_whole_is_one_of_equal_parts(
    kit: NamedSymbols, limits: tuple[int, ...], row: str, classes: Sequence[str]
) -> None:
    labels = kit.follow(ATEN.slice.Tensor, kit.tensor((2, 6), b=1), 1, *limits)
    assert kit.planes(labels) == [row]
    assert kit.classes() == classes and kit.fixed() == {}


@pytest.mark.parametrize(("args", "kwargs"), [((1,), {}), ((-1,), {}), ((), {"dim": 1})], ids=str)
def test_parts_are_put_in_a_row(
    kit: NamedSymbols, args: Sequence[int], kwargs: dict[str, int]
) -> None:
    """Empty ones, which may have fewer dimensions, are skipped."""
    parts = [kit.tensor((0,)), kit.tensor((2, 2), a=0, b=1), kit.tensor((2, 1))]
    labels = kit.follow(ATEN.cat.default, parts, *args, **kwargs)
    assert kit.planes(labels) == ["2x1 a0 a1", "1x3 b0 b1 -"]
    assert kit.fixed() == {FIXED_SIZE: "a0 a1"}


def test_the_first_dimension_is_the_default(kit: NamedSymbols) -> None:
    parts = [kit.tensor((2,), a=0), kit.tensor((3,), b=0)]
    assert kit.planes(kit.follow(ATEN.cat.default, parts)) == ["5 a0 a1 b0 b1 b2"]


def test_nothing_is_put_in_a_row(kit: NamedSymbols) -> None:
    assert kit.follow(ATEN.cat.default, [kit.tensor((0,)), kit.tensor((0,))], 0) == Labels()


@pytest.mark.parametrize(
    ("args", "planes"),
    [
        ((), ["1x2x1 a0 a1", "1x1x3 b0 b1 b2"]),
        ((1,), ["2x1x1 a0 a1", "1x1x3 b0 b1 b2"]),
        ((2,), ["2x1x1 a0 a1", "1x3x1 b0 b1 b2"]),
        ((-1,), ["2x1x1 a0 a1", "1x3x1 b0 b1 b2"]),
        ((-3,), ["1x2x1 a0 a1", "1x1x3 b0 b1 b2"]),
    ],
)
def test_a_stack_has_a_dimension_more(
    kit: NamedSymbols, args: Sequence[int], planes: Sequence[str]
) -> None:
    parts = [kit.tensor((2, 3), a=0, b=1), kit.tensor((2, 3), c=0, d=1)]
    assert kit.planes(kit.follow(ATEN.stack.default, parts, *args)) == planes
    assert kit.classes() == ["a0 c0", "a1 c1", "b0 d0", "b1 d1", "b2 d2"]
