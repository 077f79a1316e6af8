"""A surface hits what was measured, and stairs that factor are followed everywhere."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.measure.latency.surface import Curve, Surface, without_noise

INS, OUTS = (4, 8, 16, 32), (4, 16, 64)


def blocks(width: int) -> int:
    """Stairs of 16."""
    return -(-width // 16)


def surface(time_at) -> Surface:
    """A surface measured finely, at every multiple of 4, along its dense edges."""
    fine_in, fine_out = tuple(range(4, 33, 4)), tuple(range(4, 65, 4))
    return Surface(
        INS,
        OUTS,
        tuple(tuple(time_at(i, o) for o in OUTS) for i in INS),
        Curve(fine_in, tuple(time_at(i, 64) for i in fine_in)),
        Curve(fine_out, tuple(time_at(32, o) for o in fine_out)),
    )


def test_every_measured_pair_is_hit_exactly() -> None:
    rng = np.random.default_rng(0)
    times = rng.uniform(0.1, 3, (33, 65))
    found = surface(lambda i, o: times[i, o])
    for i in INS:
        for o in OUTS:
            assert found.at(i, o) == pytest.approx(times[i, o], rel=1e-12)
    for i in range(4, 33, 4):
        assert found.at(i, 64) == pytest.approx(times[i, 64], rel=1e-12)
    for o in range(4, 65, 4):
        assert found.at(32, o) == pytest.approx(times[32, o], rel=1e-12)


def test_a_product_of_stairs_is_followed_inside_too() -> None:
    found = surface(lambda i, o: 0.3 * i * blocks(o))
    for i in range(4, 33, 4):
        for o in range(4, 65, 4):
            assert found.at(i, o) == pytest.approx(0.3 * i * blocks(o), rel=1e-12)


def test_between_the_widths_of_a_curve_is_a_straight_line_and_outside_it_is_flat() -> None:
    curve = Curve((4, 8), (1.0, 3.0))
    assert [curve.at(w) for w in (1, 4, 5, 8, 99)] == [1.0, 1.0, 1.5, 3.0, 3.0]
    assert Curve((7,), (2.0,)).at(3) == 2.0


def test_a_fall_within_the_noise_is_made_level_and_a_real_one_stays() -> None:
    level = without_noise(np.array([1.0, 2.06, 2.0, 5.0, 3.0]))
    assert level.tolist() == [1.0, 2.0, 2.0, 5.0, 3.0]


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=20))
def test_repaired_times_are_never_above_nor_below_those_of_all_wider(times: list[float]) -> None:
    level = without_noise(np.array(times))
    assert (level <= np.array(times)).all()
    assert (level >= np.minimum.accumulate(times[::-1])[::-1]).all()
    assert without_noise(level).tolist() == level.tolist()


def test_more_widths_leave_the_known_ones_as_they_were() -> None:
    curve = Curve((4, 16), (1.0, 2.0)).joined({8: 2.05, 12: 1.5})
    assert curve == Curve((4, 8, 12, 16), (1.0, 2.05, 1.5, 2.0))


def test_there_and_back_as_json() -> None:
    found = surface(lambda i, o: i + blocks(o) / 3)
    assert Surface.from_json(json.loads(json.dumps(asdict(found)))) == found
