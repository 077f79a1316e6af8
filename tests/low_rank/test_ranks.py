"""Break-even and rounding of ranks against counting."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.low_rank.ranks import FactoredLayer, Ranks

SIZES = st.integers(1, 40)
KERNELS = st.sampled_from([(1, 1), (3, 3), (5, 3), (7, 7)])
SLOWER = st.sampled_from([1.0, 1.2, 2.0])  # MACs of `first` for each weight, of a strided layer


def layer(inputs: int, outputs: int, kernel: tuple[int, int], slower: float) -> FactoredLayer:
    return FactoredLayer("conv", kernel, inputs, outputs, 10.0, 10.0 * slower, 10.0)


def cost(one: FactoredLayer, rank: int, inputs: int, outputs: int) -> tuple[int, float]:
    """Parameters and MACs of what is delivered."""
    first, second = inputs * one.kernel[0], outputs * one.kernel[1]
    if rank == one.full_rank:
        return first * second, first * second * one.macs
    macs = rank * (first * one.first_macs + second * one.second_macs)
    return rank * (first + second), macs


@given(SIZES, SIZES, KERNELS, SLOWER)
def test_most_is_the_largest_rank_that_saves_weights_and_macs(
    inputs: int, outputs: int, kernel: tuple[int, int], slower: float
) -> None:
    one = layer(inputs, outputs, kernel, slower)
    first, second = one.sides(inputs, outputs)

    def saves(rank: int) -> bool:
        macs = rank * (first * slower + second)
        return rank * (first + second) < first * second and macs < first * second - 1e-6

    found = [rank for rank in range(1, one.full_rank + 1) if saves(rank)]
    assert one.most(inputs, outputs) == max(found, default=0)


def test_a_decomposition_counts_for_the_matrix_of_both_sides() -> None:
    """Both orientations of a matrix of 48 x 192 cost the same, and a square one 26 n^3."""
    wide, tall, square = ((16, 64), (64, 16), (64, 64))
    flops = [layer(*shape, (3, 3), 1.0).decomposition_flops for shape in (wide, tall, square)]
    assert flops == [4 * 192**2 * 48 + 22 * 48**3] * 2 + [26 * 192**3]


def fitted(ranks: Ranks, rank: int, inputs: int, outputs: int) -> int:
    def sizes_of(_widths: Mapping[str, int]) -> dict[tuple[str, int], int]:
        return {
            ("conv.weight", 1): inputs,
            ("conv.weight", 0): outputs,
        }

    return ranks.fit({"conv.rank": rank}, sizes_of)["conv.rank"]


@given(st.integers(2, 24), st.integers(2, 24), KERNELS, SLOWER, st.integers(1, 8), st.data())
def test_sizes_never_grow_while_anything_shrinks(
    inputs: int,
    outputs: int,
    kernel: tuple[int, int],
    slower: float,
    divisor: int,
    data: st.DataObject,
) -> None:
    one = layer(inputs, outputs, kernel, slower)
    ranks = Ranks((one,), divisor)
    wide = [data.draw(st.integers(1, most)) for most in (one.full_rank, inputs, outputs)]
    narrow = [data.draw(st.integers(1, most)) for most in wide]
    found = [
        (rank := fitted(ranks, *shape), cost(one, rank, *shape[1:])) for shape in (wide, narrow)
    ]
    (rank, before), (less, after) = found
    assert less <= rank or less == one.full_rank
    assert after[0] <= before[0] and after[1] <= before[1] + 1e-6


@pytest.mark.parametrize(
    ("rank", "expected"), [(48, 48), (30, 48), (24, 48), (23, 20), (20, 20), (7, 7), (4, 4)]
)
def test_a_rank_that_saves_nothing_leaves_the_layer_whole(rank: int, expected: int) -> None:
    """16 x 16 x 3 x 3: break-even is 24 of 48, and multiples of 4 below it end at 20."""
    ranks = Ranks((layer(16, 16, (3, 3), 1.0),), 4)
    asked = rank if rank <= 20 else rank // 4 * 4 + (4 if rank == 30 else 0)
    assert fitted(ranks, asked, 16, 16) == expected


def test_a_rank_is_lowered_with_the_channels() -> None:
    """Of 8 x 8 x 3 x 3 break-even is 12."""
    ranks = Ranks((layer(16, 16, (3, 3), 1.0),), 4)
    assert fitted(ranks, 20, 8, 8) == 8
    assert fitted(ranks, 48, 8, 8) == 48, "a whole layer stays whole"
    assert fitted(ranks, 4, 2, 2) == 2, "below the divisor, where nothing else saves"


def test_a_layer_too_narrow_for_a_pair_stays_whole() -> None:
    """Of 1 x 1 x 1 x 1, no rank saves anything."""
    ranks = Ranks((layer(16, 16, (1, 1), 1.0),), 4)
    assert fitted(ranks, 4, 1, 1) == 16
