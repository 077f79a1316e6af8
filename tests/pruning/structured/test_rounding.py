"""Rounding: ratio 0 keeps everything, nothing ever grows with the ratio, no group vanishes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Block, Group, Slot, row_of_positions
from paretoprune.pruning.structured.rounding import round_keep, step_of, widths_for

widths = st.integers(1, 600)
ratios = st.floats(0, 1)
divisors = st.integers(1, 64)
floors = st.integers(0, 80)


@given(widths, divisors, floors)
def test_ratio_zero_keeps_exactly_the_width(width: int, divisor: int, floor: int) -> None:
    assert round_keep(width, 0.0, divisor=divisor, min_channels=floor) == width


@given(widths, ratios, ratios, divisors, floors)
def test_never_grows_with_the_ratio(w: int, one: float, two: float, d: int, f: int) -> None:
    low, high = sorted((one, two))
    assert round_keep(w, low, divisor=d, min_channels=f) >= round_keep(
        w, high, divisor=d, min_channels=f
    )


@given(widths, ratios, divisors, floors)
def test_within_limits_and_a_multiple(w: int, ratio: float, d: int, f: int) -> None:
    kept = round_keep(w, ratio, divisor=d, min_channels=f)
    assert min(max(f, 1), w) <= kept <= w
    assert kept == w or kept % d == 0


@given(widths, st.floats(0.001, 1), divisors)
def test_nearest_multiple_where_no_limit_binds(w: int, ratio: float, d: int) -> None:
    kept = round_keep(w, ratio, divisor=d, min_channels=1)
    wanted = w * (1 - ratio)
    multiples = range(d, w + 2 * d, d)
    nearest = min(abs(multiple - wanted) for multiple in multiples)
    assert kept in {min(m, w) for m in multiples if abs(m - wanted) <= nearest + 1e-6}


@pytest.mark.parametrize(
    ("width", "ratio", "divisor", "kept"),
    [
        (64, 0.9, 8, 8),  # 6.4
        (16, 0.9, 8, 8),  # 1.6: never 0, and never the whole 16
        (16, 0.05, 8, 16),  # 15.2
        (64, 0.3, 1, 45),  # 44.8
        (120, 0.9, 8, 16),  # 12 in binary fractions is a little less: still a tie, and rounded up
        (30, 0.01, 8, 30),  # 29.7: the next multiple is beyond the width
        (3, 0.5, 8, 3),
    ],
)
def test_examples(width: int, ratio: float, divisor: int, kept: int) -> None:
    assert round_keep(width, ratio, divisor=divisor, min_channels=1) == kept


@pytest.mark.parametrize("floor", [0, 1])
def test_one_channel_stays_of_all_that_may_go(floor: int) -> None:
    assert round_keep(8, 1.0, divisor=1, min_channels=floor) == 1


def test_a_block_is_removed_beyond_a_half_whatever_the_floor() -> None:
    groups = [Group("b", 1, (), block=Block("b", "ReLU", ("b.weight",)))]
    for ratio, kept in ((0.0, 1), (0.5, 1), (0.51, 0), (1.0, 0)):
        assert widths_for(groups, {"b": ratio}, divisor=8, min_channels=4) == {"b": kept}


def test_the_least_width_is_rounded_up() -> None:
    assert round_keep(64, 0.99, divisor=8, min_channels=12) == 16


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_wrong_ratio_is_refused(ratio: float) -> None:
    with pytest.raises(PruningError, match="0 to 1"):
        round_keep(8, ratio, divisor=1, min_channels=1)


def test_widths_for() -> None:
    groups = [Group(n, 16, (Slot(n, 0, row_of_positions(16)),)) for n in ("a", "b")]
    found = widths_for(groups, {"a": 0.5}, divisor=4, min_channels=1)
    assert found == {"a": 8, "b": 16}
    with pytest.raises(PruningError, match="`z`"):
        widths_for(groups, {"z": 0.5}, divisor=4, min_channels=1)


@pytest.mark.parametrize(
    ("sizes", "divisor", "step"),
    [
        ((1,), 4, 4),
        ((1, 16), 4, 4),  # a convolution before a flatten: its own channels count
        ((64,), 4, 1),  # heads of 64 channels: any number of them is a multiple of 4
        ((18, 6), 4, 2),  # heads of 6: two are 12
        ((3,), 4, 4),
        ((8,), 12, 3),
    ],
)
def test_units_of_many_channels_go_in_smaller_steps(
    sizes: tuple[int, ...], divisor: int, step: int
) -> None:
    slots = tuple(Slot("t", 0, row_of_positions(12, size=size)) for size in sizes)
    group = Group("heads", 12, slots)
    assert step_of(group, divisor) == step
    for ratio in (0.1, 0.5, 0.9):
        width = widths_for([group], {"heads": ratio}, divisor=divisor, min_channels=1)["heads"]
        assert all(width * size % divisor == 0 for size in sizes)


def test_a_group_with_a_step_of_its_own_has_no_minimum() -> None:
    group = Group("rank", 16, ())
    steps = {"rank": 1}
    found = widths_for([group], {"rank": 0.99}, divisor=8, min_channels=4, steps=steps)
    assert found == {"rank": 1}
