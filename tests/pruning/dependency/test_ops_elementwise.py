"""Rules of elementwise operations, on tensors small enough that every symbol is written out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from paretoprune.pruning.dependency.ops_elementwise import (
    Labelled,
    concatenated,
    equal_parts,
    group_norm,
    looked_up,
    moved,
    pointwise,
    reduced,
    repeated,
    without_dims,
)
from paretoprune.pruning.dependency.symbols import Labels
from tests.kits.labels import NamedSymbols

NO_CHANNELS = "it is combined with a tensor of fixed size in op"
REDUCES = "op reduces over its channels, so removing one changes the others"


@pytest.fixture
def kit() -> NamedSymbols:
    return NamedSymbols()


def test_labels_are_aligned_as_broadcasting_does(kit: NamedSymbols) -> None:
    table = kit.named((2, 3), a=0, b=1)
    used = Labelled(table.shape, Labels(table.planes, ((table.planes[0], "why"),)))
    wide = used.aligned(4)
    assert wide.shape == (1, 1, 2, 3) and wide.labels is not None
    assert kit.planes(wide.labels) == ["1x1x2x1 a0 a1", "1x1x1x3 b0 b1 b2"]
    assert used.labels is not None and wide.labels.if_used == used.labels.if_used
    assert Labelled((3,), None).aligned(2) == Labelled((1, 3), None)
    assert Labelled((3,), None).planes == ()


def test_a_vector_stands_along_one_dimension(kit: NamedSymbols) -> None:
    scale = kit.named((3,), a=0).along(1, 3)
    assert scale.shape == (1, 3, 1) and kit.planes(scale.labels) == ["1x3x1 a0 a1 a2"]
    assert Labelled((3,), None).along(1, 3) == Labelled((1, 3, 1), None)


def test_a_dimension_is_inserted(kit: NamedSymbols) -> None:
    wide = kit.named((2, 3), a=0, b=1).with_dim(1)
    assert wide.shape == (2, 1, 3)
    assert kit.planes(wide.labels) == ["2x1x1 a0 a1", "1x1x3 b0 b1 b2"]
    assert Labelled((3,), None).with_dim(1) == Labelled((3, 1), None)


def test_symbols_move_with_their_elements(kit: NamedSymbols) -> None:
    table = kit.named((2, 3), a=0, b=1)
    used = Labelled(table.shape, Labels(table.planes, ((table.planes[0], "why"),)))
    labels = moved(kit.symbols, used, lambda plane: plane.T.flip(0))
    assert kit.planes(labels) == ["1x2 a0 a1", "3x1 b2 b1 b0"]
    assert used.labels is not None and labels.if_used == used.labels.if_used
    assert moved(kit.symbols, Labelled((2,), None), torch.clone) == Labels()
    assert kit.classes() == [] and kit.fixed() == {}


def test_a_channel_selected_by_its_index_is_fixed(kit: NamedSymbols) -> None:
    labels = moved(kit.symbols, kit.named((2, 3), a=0, b=1), lambda plane: plane[:, 1])
    assert kit.planes(labels) == ["2 a0 a1"]
    assert kit.fixed() == {"one of its channels is selected by a fixed index": "b1"}


def test_what_is_reshaped_is_removed_by_whole_rows_or_columns(kit: NamedSymbols) -> None:
    labels = moved(kit.symbols, kit.named((6,), a=0), lambda plane: plane.reshape(2, 3))
    assert kit.planes(labels) == ["2x3 a0 a1 a2 a3 a4 a5"]
    assert kit.classes() == ["a0 a3", "a1 a4", "a2 a5"]


def test_repeats_are_new_channels(kit: NamedSymbols) -> None:
    mask = kit.named((1, 3, 1))
    labels = repeated(kit.symbols, mask, (2, 3, 4))
    assert kit.planes(labels) == ["2x1x1 new new", "1x1x4 new new new new"]
    own = torch.cat([plane.flatten() for plane in labels.planes])
    assert len(own.unique()) == 6


def test_elements_of_the_same_place_are_removed_together(kit: NamedSymbols) -> None:
    sides = kit.named((2, 3), a=0, b=1), kit.named((3,), c=0), Labelled((), None)
    assert kit.planes(pointwise(kit.symbols, sides, "op")) == ["2x1 a0 a1", "1x3 b0 b1 b2"]
    assert kit.classes() == ["b0 c0", "b1 c1", "b2 c2"] and kit.fixed() == {}


def test_each_dimension_of_a_result_has_one_plane(kit: NamedSymbols) -> None:
    sides = kit.named((2, 1), a=0), kit.named((3,), b=0), kit.named((2, 3), c=0, d=1)
    assert kit.planes(pointwise(kit.symbols, sides, "op")) == ["2x1 a0 a1", "1x3 b0 b1 b2"]
    assert kit.classes() == ["a0 c0", "a1 c1", "b0 d0", "b1 d1", "b2 d2"]


def test_tensors_without_labels_have_no_say(kit: NamedSymbols) -> None:
    other = Labelled((2, 3), None)
    assert pointwise(kit.symbols, [other, other], "op") is None
    assert kit.planes(pointwise(kit.symbols, [other, kit.named((3,), a=0)], "op")) == [
        "1x3 a0 a1 a2"
    ]
    assert kit.fixed() == {}


@pytest.mark.parametrize(
    ("shape", "fixed"), [((2, 1), "a0 a1"), ((1, 3), "b0 b1 b2"), ((2, 3), "a0 a1 b0 b1 b2")]
)
def test_a_tensor_of_fixed_size_fixes_what_it_meets(
    kit: NamedSymbols, shape: tuple[int, ...], fixed: str
) -> None:
    pointwise(kit.symbols, [kit.named((2, 3), a=0, b=1), kit.named(shape)], "op")
    assert kit.fixed() == {NO_CHANNELS: fixed}


def test_a_tensor_of_one_element_fixes_nothing(kit: NamedSymbols) -> None:
    pointwise(kit.symbols, [kit.named((2, 3), a=0, b=1), kit.named((1,))], "op")
    assert kit.fixed() == {}


def test_padding_fixes_the_channels_that_meet_it(kit: NamedSymbols) -> None:
    wide = concatenated(kit.symbols, [kit.named((2,), a=0), kit.named((1,))], 0, "op")
    pointwise(kit.symbols, [Labelled((3,), wide), kit.named((3,), b=0)], "op")
    assert kit.classes() == ["a0 b0", "a1 b1"]
    assert kit.fixed() == {"it is combined with channels that cannot be removed in op": "b2"}


def test_heads_and_places_are_joined_where_each_may_be_removed(kit: NamedSymbols) -> None:
    heads = kit.named((2, 3), a=(0, 1))
    labels = pointwise(kit.symbols, [heads, kit.named((3,), b=0)], "op")
    assert kit.planes(labels) == ["2x3 a0 a1 a2 a3 a4 a5"]
    assert kit.classes() == ["a0 a3 b0", "a1 a4 b1", "a2 a5 b2"] and kit.fixed() == {}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("computed", [True, False])
def test_whole_heads_share_what_each_of_them_is_combined_with(
    kit: NamedSymbols, order: Sequence[int], computed: bool
) -> None:
    """A buffer that is not stored, such as rotary frequencies, or heads that are whole already."""
    heads, shared = sides = kit.named((2, 3), a=(0, 1)), kit.named((3,), b=0)
    if computed:
        kit.symbols.computed.append(shared.planes[0].numpy().astype(np.int64))
    else:
        kit.symbols.join(heads.planes[0], heads.planes[0][:, :1], "")
    labels = pointwise(kit.symbols, [sides[number] for number in order], "op")
    assert kit.planes(labels) == ["2x3 a0 a1 a2 a3 a4 a5"]
    assert kit.classes() == ["a0 a1 a2", "a3 a4 a5"]
    assert kit.fixed() == {"op combines it with all heads": "b0 b1 b2"}


@pytest.mark.parametrize("sums", [False, True])
@pytest.mark.parametrize(
    ("dims", "planes", "gone", "classes"),
    [
        ([1], ["2x1x1 a0 a1", "1x1x2 c0 c1"], ["1x3x1 b0 b1 b2"], ["c0 c2 c4", "c1 c3 c5"]),
        (
            [-1],
            ["2x1x1 a0 a1", "1x3x1 b0 b1 b2", "1x3x1 c0 c2 c4"],
            [],
            ["c0 c1", "c2 c3", "c4 c5"],
        ),
        ([-3], ["1x3x1 b0 b1 b2", "1x3x2 c0 c1 c2 c3 c4 c5"], ["2x1x1 a0 a1"], []),
        ([1, 2], ["2x1x1 a0 a1"], ["1x3x1 b0 b1 b2", "1x3x2 c0 c1 c2 c3 c4 c5"], []),
        ([], ["2x1x1 a0 a1", "1x3x1 b0 b1 b2", "1x3x2 c0 c1 c2 c3 c4 c5"], [], []),
    ],
)
def test_channels_that_a_reduction_mixes_depend_on_each_other(
    kit: NamedSymbols,
    dims: Sequence[int],
    planes: Sequence[str],
    gone: Sequence[str],
    classes: Sequence[str],
    sums: bool,
) -> None:
    """A sum does without channels that are zero; all else fixes them once its result is used."""
    labels = reduced(kit.symbols, kit.named((2, 3, 2), a=0, b=1, c=(1, 2)), dims, "op", sums=sums)
    assert kit.planes(labels) == planes and kit.classes() == classes and kit.fixed() == {}
    assert [kit.plane(plane) for plane, _ in labels.if_used] == ([] if sums else gone)
    assert {why for _, why in labels.if_used} <= {REDUCES}
    kit.symbols.use(labels)
    names = {name for text in gone for name in text.split()[1:]}
    assert set(" ".join(kit.fixed().values()).split()) == (set() if sums else names)


def test_a_reduced_scalar_has_no_channels(kit: NamedSymbols) -> None:
    assert reduced(kit.symbols, kit.named(()), [0], "op") == Labels()


def test_dimensions_are_dropped(kit: NamedSymbols) -> None:
    plane = kit.named((1, 3, 1, 2), a=1, b=3)
    assert plane.labels is not None
    used = Labels(plane.planes, ((plane.planes[0], "why"),))
    labels = without_dims(used, [0, -2], 4)
    assert kit.planes(labels) == ["3x1 a0 a1 a2", "1x2 b0 b1"]
    assert labels.if_used == used.if_used


def test_a_group_norm_loses_whole_groups(kit: NamedSymbols) -> None:
    labels = group_norm(kit.symbols, kit.named((2, 6, 3), a=1, b=2), 3, "op")
    assert kit.planes(labels) == ["1x6x1 a0 a0 a2 a2 a4 a4"]
    assert kit.classes() == ["a0 a1", "a2 a3", "a4 a5"]
    assert kit.fixed() == {REDUCES: "b0 b1 b2"}


def test_a_group_norm_keeps_samples_apart(kit: NamedSymbols) -> None:
    labels = group_norm(kit.symbols, kit.named((2, 6, 3), a=0), 3, "op")
    assert kit.planes(labels) == ["2x1x1 a0 a1"]
    assert kit.classes() == [] and kit.fixed() == {}


def test_a_concatenation_puts_channels_in_a_row(kit: NamedSymbols) -> None:
    parts = kit.named((2, 2), a=0, b=1), kit.named((2, 1), c=0), kit.named((2, 2), d=1)
    labels = concatenated(kit.symbols, parts[:2], 1, "op")
    assert kit.planes(labels) == ["2x1 a0 a1", "1x3 b0 b1 -"]
    assert kit.classes() == ["a0 c0", "a1 c1"] and kit.fixed() == {}
    labels = concatenated(kit.symbols, [parts[0], parts[2]], 1, "op")
    assert kit.planes(labels) == ["2x1 a0 a1", "1x4 b0 b1 d0 d1"]
    assert kit.fixed() == {NO_CHANNELS: "a0 a1 c0 c1"}


def test_a_concatenation_along_a_dimension_without_channels(kit: NamedSymbols) -> None:
    parts = kit.named((2, 2), a=0), kit.named((2, 5), b=0), Labelled((2, 1), None)
    labels = concatenated(kit.symbols, parts, 1, "op")
    assert kit.planes(labels) == ["2x1 a0 a1"] and kit.classes() == ["a0 b0", "a1 b1"]
    assert concatenated(kit.symbols, parts[2:], 1, "op") is None
    assert concatenated(kit.symbols, [kit.named((2, 2))], 1, "op") == Labels()


def test_concatenated_heads_are_removed_whole_or_by_place(kit: NamedSymbols) -> None:
    parts = kit.named((2, 2), a=(0, 1)), kit.named((2, 1)), Labelled((2, 2), None)
    labels = concatenated(kit.symbols, parts, 1, "op")
    assert kit.planes(labels) == ["2x5 a0 a1 - - - a2 a3 - - -"]
    assert kit.classes() == ["a0 a2", "a1 a3"] and kit.fixed() == {}


def test_concatenated_channels_take_the_shape_of_all_parts(kit: NamedSymbols) -> None:
    parts = kit.named((2, 2, 2), a=(0, 1)), kit.named((2, 1, 2)), kit.named((2, 2, 2), b=(1, 2))
    labels = concatenated(kit.symbols, parts, 1, "op")
    first, second = "a0 a0 a1 a1 - -", "a2 a2 a3 a3 - -"
    assert kit.planes(labels) == [f"2x5x2 {first} b0 b1 b2 b3 {second} b0 b1 b2 b3"]
    assert kit.classes() == ["a0 a2", "a1 a3", "b0 b1", "b2 b3"]


@pytest.mark.parametrize("dim", [1, -1])
@pytest.mark.parametrize(
    ("size", "classes"),
    [(2, ["b0 b2 b4", "b1 b3 b5"]), (3, ["b0 b3", "b1 b4", "b2 b5"]), (4, []), (6, [])],
)
def test_equal_parts_lose_equally_many(
    kit: NamedSymbols, dim: int, size: int, classes: Sequence[str]
) -> None:
    equal_parts(kit.symbols, kit.named((2, 6), a=0, b=1), dim, size)
    assert kit.classes() == classes and kit.fixed() == {}


def test_equal_parts_of_heads(kit: NamedSymbols) -> None:
    equal_parts(kit.symbols, kit.named((2, 4, 2), a=(0, 1), b=(1, 2)), 1, 2)
    assert kit.classes() == ["a0 a2", "a1 a3", "a4 a6", "a5 a7", "b0 b4", "b1 b5", "b2 b6", "b3 b7"]


def test_columns_of_a_table_are_channels_and_its_rows_are_not(kit: NamedSymbols) -> None:
    labels = looked_up(kit.symbols, kit.named((4, 3), a=0, b=1), 3, "op")
    assert kit.planes(labels) == ["1x1x3 b0 b1 b2"]
    assert kit.fixed() == {"op selects its channels by index": "a0 a1 a2 a3"}


def test_tensors_of_the_same_dimensions_are_joined_even_if_one_is_a_buffer(
    kit: NamedSymbols,
) -> None:
    sides = kit.named((2, 3), a=(0, 1)), kit.named((2, 3), b=(0, 1))
    kit.symbols.computed.append(sides[0].planes[0].numpy().astype(np.int64))
    assert kit.planes(pointwise(kit.symbols, sides, "op")) == ["2x3 a0 a1 a2 a3 a4 a5"]
    assert kit.classes() == [f"a{n} b{n}" for n in range(6)] and kit.fixed() == {}
