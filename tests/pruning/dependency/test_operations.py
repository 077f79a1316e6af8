"""Operations of PyTorch and the rule that each of them follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from paretoprune.pruning.dependency.operations import (
    CONVOLUTIONS,
    MOVES,
    PRODUCTS,
    Unknown,
    factors,
)
from paretoprune.pruning.dependency.symbols import Labels
from tests.kits.labels import NamedSymbols

ATEN = torch.ops.aten
REDUCES = "op reduces over its channels, so removing one changes the others"
FIXED_SIZE = "it is combined with a tensor of fixed size in op"


@pytest.fixture
def kit() -> NamedSymbols:
    return NamedSymbols()


@dataclass(frozen=True)
class T:
    """A tensor argument: its shape, and a plane by name along each dimension."""

    shape: tuple[int, ...]
    planes: dict[str, int | tuple[int, ...]] = field(default_factory=dict)


TABLE, VOLUME = T((2, 3), {"a": 0, "b": 1}), T((2, 4, 3), {"a": 0, "b": 1, "c": 2})
SCALES = T((4,), {"w": 0}), T((4,), {"v": 0})
STATISTICS = T((4,), {"m": 0}), T((4,), {"s": 0})
WEIGHT = T((5, 4, 1), {"o": 0, "i": 1})
SETTINGS = ([1], [0], [1])  # stride, padding, dilation

CASES: dict[str, tuple[Any, list[Any], list[str], list[str], dict[str, str]]] = {
    "minimum": (
        ATEN.minimum.default,
        [TABLE, T((3,), {"c": 0})],
        ["2x1 a0 a1", "1x3 b0 b1 b2"],
        ["b0 c0", "b1 c1", "b2 c2"],
        {},
    ),
    "mean": (ATEN.mean.default, [TABLE], [], [], {REDUCES: "a0 a1 b0 b1 b2"}),
    "mean of rows": (ATEN.mean.dim, [TABLE, [1]], ["2 a0 a1"], [], {REDUCES: "b0 b1 b2"}),
    "mean, kept": (ATEN.mean.dim, [TABLE, [-1], True], ["2x1 a0 a1"], [], {REDUCES: "b0 b1 b2"}),
    "sum": (ATEN.sum.dim_IntList, [TABLE, [0]], ["3 b0 b1 b2"], [], {}),
    "norm": (ATEN.linalg_vector_norm.default, [TABLE, 2, [1]], ["2 a0 a1"], [], {}),
    "max": (ATEN.max.dim, [TABLE, -1], ["2 a0 a1"], [], {REDUCES: "b0 b1 b2"}),
    "softmax": (
        ATEN._softmax.default,
        [TABLE, -1, False],
        ["2x1 a0 a1"],
        [],
        {REDUCES: "b0 b1 b2"},
    ),
    "cumsum": (ATEN.cumsum.default, [TABLE, 0], ["1x3 b0 b1 b2"], [], {REDUCES: "a0 a1"}),
    "pooling": (
        ATEN.avg_pool1d.default,
        [VOLUME, [3]],
        ["2x1x1 a0 a1", "1x4x1 b0 b1 b2 b3"],
        [],
        {REDUCES: "c0 c1 c2"},
    ),
    "pooling of planes": (
        ATEN.avg_pool2d.default,
        [T((1, 2, 2, 2), {"a": 1, "b": 2, "c": 3}), [2, 2]],
        ["1x2x1x1 a0 a1"],
        [],
        {REDUCES: "b0 b1 c0 c1"},
    ),
    "pooling of volumes": (
        ATEN.avg_pool3d.default,
        [T((1, 2, 2, 2, 2), {"a": 1, "b": 2, "c": 3, "d": 4}), [2, 2, 2]],
        ["1x2x1x1x1 a0 a1"],
        [],
        {REDUCES: "b0 b1 c0 c1 d0 d1"},
    ),
    "batch norm": (
        ATEN.native_batch_norm.default,
        [VOLUME, *SCALES, *STATISTICS, False, 0.1, 1e-5],
        ["2x1x1 a0 a1", "1x4x1 b0 b1 b2 b3", "1x1x3 c0 c1 c2"],
        [f"b{n} w{n} v{n} m{n} s{n}" for n in range(4)],
        {},
    ),
    "batch norm without scales": (
        ATEN.native_batch_norm.default,
        [VOLUME, None, None, *STATISTICS, False, 0.1, 1e-5],
        ["2x1x1 a0 a1", "1x4x1 b0 b1 b2 b3", "1x1x3 c0 c1 c2"],
        [f"b{n} m{n} s{n}" for n in range(4)],
        {},
    ),
    "layer norm": (
        ATEN.native_layer_norm.default,
        [T((2, 4), {"a": 0}), [4], *SCALES, 1e-5],
        ["2x1 a0 a1", "1x4 w0 w1 w2 w3"],
        [],
        {FIXED_SIZE: "w0 w1 w2 w3 v0 v1 v2 v3"},
    ),
    "layer norm of channels": (
        ATEN.native_layer_norm.default,
        [T((2, 4), {"b": 1}), [4], None, None, 1e-5],
        [],
        [],
        {REDUCES: "b0 b1 b2 b3"},
    ),
    "layer norm of two dimensions": (
        ATEN.native_layer_norm.default,
        [VOLUME, [4, 3], None, None, 1e-5],
        ["2x1x1 a0 a1"],
        [],
        {REDUCES: "b0 b1 b2 b3 c0 c1 c2"},
    ),
    "layer norm of places in heads": (
        ATEN.native_layer_norm.default,
        [T((2, 3, 4), {"a": (0, 2)}), [4], SCALES[0], None, 1e-5],
        ["2x1x1 a0 a4", "1x1x4 w0 w1 w2 w3"],
        ["a0 a1 a2 a3", "a4 a5 a6 a7"],
        {FIXED_SIZE: "w0 w1 w2 w3"},
    ),
    "group norm": (
        ATEN.native_group_norm.default,
        [T((2, 4, 3), {"b": 1}), *SCALES, 2, 4, 3, 2, 1e-5],
        ["1x4x1 b0 b0 b2 b2"],
        ["b0 b1 w0 w1 v0 v1", "b2 b3 w2 w3 v2 v3"],
        {},
    ),
    "convolution": (
        ATEN.convolution.default,
        [T((2, 4, 3), {"b": 1}), WEIGHT, T((5,), {"v": 0}), *SETTINGS, False, [0], 1],
        ["1x5x1 o0 o1 o2 o3 o4"],
        [*(f"b{n} i{n}" for n in range(4)), *(f"o{n} v{n}" for n in range(5))],
        {},
    ),
    "convolution without a bias": (
        ATEN.convolution.default,
        [T((2, 4, 3), {"b": 1}), WEIGHT, None, *SETTINGS, False, [0], 1],
        ["1x5x1 o0 o1 o2 o3 o4"],
        [f"b{n} i{n}" for n in range(4)],
        {},
    ),
    "transposed convolution": (
        ATEN.convolution.default,
        [T((2, 5, 3), {"b": 1}), WEIGHT, None, *SETTINGS, True, [0], 1],
        ["1x4x1 i0 i1 i2 i3"],
        [f"b{n} o{n}" for n in range(5)],
        {},
    ),
    "grouped convolution": (
        ATEN.convolution.default,
        [T((2, 4, 3), {"b": 1}), T((6, 2, 1), {"o": 0}), None, *SETTINGS, False, [0], 2],
        ["1x6x1 o0 o1 o2 o3 o4 o5"],
        ["b0 b1 o0 o1 o2", "b2 b3 o3 o4 o5"],
        {},
    ),
    "product": (
        ATEN.mm.default,
        [TABLE, T((3, 4), {"c": 0, "d": 1})],
        ["2x1 a0 a1", "1x4 d0 d1 d2 d3"],
        ["b0 c0", "b1 c1", "b2 c2"],
        {},
    ),
    "product and bias": (
        ATEN.addmm.default,
        [T((4,), {"v": 0}), TABLE, T((3, 4), {"c": 0, "d": 1})],
        ["2x1 a0 a1", "1x4 d0 d1 d2 d3"],
        [*(f"v{n} d{n}" for n in range(4)), *(f"b{n} c{n}" for n in range(3))],
        {},
    ),
    "products": (
        ATEN.bmm.default,
        [T((2, 2, 3), {"h": 0, "a": 1, "b": 2}), T((2, 3, 4), {"i": 0, "c": 1, "d": 2})],
        ["1x2x1 a0 a1", "1x1x4 d0 d1 d2 d3", "2x1x1 h0 h1"],
        ["h0 i0", "h1 i1", "b0 c0", "b1 c1", "b2 c2"],
        {},
    ),
    "products and bias": (
        ATEN.baddbmm.default,
        [T((2, 1, 4), {"w": 0}), T((2, 2, 3), {"h": 0, "b": 2}), T((2, 3, 4), {"i": 0, "c": 1})],
        ["2x1x1 h0 h1"],
        ["w0 h0 i0", "w1 h1 i1", "b0 c0", "b1 c1", "b2 c2"],
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operation_follows_its_rule(kit: NamedSymbols, name: str) -> None:
    function, given, planes, classes, fixed = CASES[name]
    args = [kit.tensor(one.shape, **one.planes) if isinstance(one, T) else one for one in given]
    labels = kit.follow(function, *args)
    assert isinstance(labels, Labels)
    kit.symbols.use(labels)
    assert kit.planes(labels) == planes
    assert (kit.classes(), kit.fixed()) == (classes, fixed)


def test_arguments_by_name_take_part(kit: NamedSymbols) -> None:
    bound = kit.tensor((2,), b=0)
    labels = kit.follow(ATEN.clamp.Tensor, kit.tensor((2,), a=0), max=bound)
    assert kit.planes(labels) == ["2 a0 a1"] and kit.classes() == ["b0 a0", "b1 a1"]


def test_a_product_without_labels_has_none(kit: NamedSymbols) -> None:
    assert kit.follow(ATEN.mm.default, torch.rand(2, 3), torch.rand(3, 4)) is None


def test_new_tensors_have_no_channels(kit: NamedSymbols) -> None:
    tensor = kit.tensor((2,), a=0)
    assert kit.follow(ATEN.ones_like.default, tensor) is None
    assert kit.follow(ATEN.new_zeros.default, tensor, [2]) is None


def test_an_operation_without_a_rule_is_unknown(kit: NamedSymbols) -> None:
    with pytest.raises(Unknown):
        kit.follow(ATEN.linalg_cholesky_ex.default, torch.eye(2))


def test_columns_of_a_table_are_looked_up(kit: NamedSymbols) -> None:
    labels = kit.follow(
        ATEN.embedding.default, kit.tensor((5, 3), a=0, b=1), torch.zeros(2, 4).long()
    )
    assert kit.planes(labels) == ["1x1x3 b0 b1 b2"]
    assert kit.fixed() == {"op selects its channels by index": "a0 a1 a2 a3 a4"}


def test_a_bias_precedes_the_factors(kit: NamedSymbols) -> None:
    sides = torch.rand(2, 3), torch.rand(3, 4)
    assert factors(kit.call(ATEN.mm.default, *sides)) == (0, 1)
    assert factors(kit.call(ATEN.addmm.default, torch.rand(4), *sides)) == (1, 2)
    bias = torch.rand(1, 2, 4)
    batch = kit.call(ATEN.baddbmm.default, bias, *(one[None] for one in sides))
    assert factors(batch) == (1, 2)


def test_kinds_of_operations() -> None:
    assert {"view", "permute", "expand", "_to_copy", "flip"} <= MOVES
    assert not MOVES & (
        PRODUCTS | CONVOLUTIONS | {"split", "slice", "cat", "constant_pad_nd", "sum"}
    )
