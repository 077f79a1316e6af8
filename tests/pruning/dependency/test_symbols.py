"""Symbols: what is joined is a class, what must be whole becomes whole, and reasons stay known."""

from __future__ import annotations

import torch
from torch import Tensor

from paretoprune.pruning.dependency.symbols import FIXED, Symbols, compact


def classes_of(symbols: Symbols, plane: Tensor) -> list[int]:
    number, _ = symbols.classes()
    found = number[plane.long().numpy().ravel()].tolist()
    return [found.index(one) for one in found]  # numbered by their first member


def test_joined_symbols_are_one_class() -> None:
    symbols = Symbols()
    a, b = symbols.new(3), symbols.new(3)
    symbols.join(a, b.flip(0), "")
    assert classes_of(symbols, torch.cat([a, b])) == [0, 1, 2, 2, 1, 0]


def test_joining_broadcasts() -> None:
    symbols = Symbols()
    a, b = symbols.new(2), symbols.new(4)
    symbols.join(a.reshape(2, 1), b.reshape(2, 2), "")
    assert classes_of(symbols, torch.cat([a, b])) == [0, 1, 0, 0, 1, 1]


def test_what_meets_a_fixed_element_is_fixed_with_the_reason() -> None:
    symbols = Symbols()
    a = symbols.new(3)
    symbols.join(a, torch.tensor([FIXED, a[1], FIXED], dtype=torch.float64), "padding")
    number, why = symbols.classes()
    assert [why[number[int(one)]] for one in a] == ["padding", None, "padding"]


def test_a_plane_is_cut_along_the_dimension_that_leaves_most() -> None:
    symbols = Symbols()
    plane = symbols.new(12).reshape(3, 4)
    symbols.keep_rectangular(plane)
    assert classes_of(symbols, plane) == [0, 1, 2, 3] * 3


def test_what_is_even_already_stays_as_it_is() -> None:
    symbols = Symbols()
    plane = symbols.new(12).reshape(3, 4)
    symbols.join(plane, plane[:, :1], "")
    symbols.keep_rectangular(plane)
    assert classes_of(symbols, plane) == [0] * 4 + [4] * 4 + [8] * 4


def test_a_row_with_a_fixed_element_is_fixed() -> None:
    symbols = Symbols()
    plane = torch.cat([symbols.new(4), torch.zeros(4)]).reshape(2, 4)
    symbols.fix(plane[0, :1], "given")
    symbols.keep_rectangular(plane)
    number, why = symbols.classes()
    assert why[number[int(plane[0, 0])]] == "given"
    assert all(why[number[int(one)]] is not None for one in plane[0])


def test_a_plane_is_compact_where_it_is_constant() -> None:
    plane = torch.arange(3.0).reshape(1, 3, 1).expand(2, 3, 5)
    assert compact(plane).shape == (1, 3, 1)
    assert compact(plane.clone()).shape == (1, 3, 1)
    assert compact(torch.arange(6.0).reshape(2, 3)).shape == (2, 3)
