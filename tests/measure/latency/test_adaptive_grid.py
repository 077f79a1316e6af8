"""Selection of the timed widths, on a machine whose times are a formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from paretoprune.measure.latency.adaptive_grid import Point, halved, survey
from paretoprune.measure.latency.layers import Layer, LayerShape

CONV = LayerShape("conv", 64, 128, (1, 64, 8, 8), "float32", kernel=(3, 3), stride=(1, 1))
PLACES = {("b.weight", 0), ("b.weight", 1)}


class Machine:
    """Times points by a formula, and notes what it was asked."""

    def __init__(self, time_at: Callable[[int, int], float]) -> None:
        self.time_at = time_at
        self.rounds: list[list[Point]] = []

    def __call__(self, points: Sequence[Point]) -> list[float]:
        self.rounds.append(list(points))
        return [self.time_at(i, o) for _, i, o in points]


def layer(shape: LayerShape, path: str = "b") -> Layer:
    return Layer(shape, (f"{path}.weight", 1), (f"{path}.weight", 0))


def stairs(width_in: int, width_out: int) -> float:
    return 0.01 * width_in * -(-width_out // 16) + 0.02


def test_stairs_are_found_at_every_width_a_group_can_have() -> None:
    machine = Machine(stairs)
    surface = survey([layer(CONV)], PLACES, 4, machine)[CONV]
    for width in range(4, 129, 4):
        assert surface.at(64, width) == pytest.approx(stairs(64, width), rel=0.04)
    for width in range(4, 65, 4):
        assert surface.at(width, 128) == pytest.approx(stairs(width, 128), rel=0.04)


def test_straight_lines_need_few_points() -> None:
    machine = Machine(lambda i, o: 0.001 * i * o + 0.1)
    survey([layer(CONV)], PLACES, 4, machine)
    grid = len(halved(64, 4)) * len(halved(128, 4))
    probes = len(halved(64, 4)) + len(halved(128, 4)) - 2
    assert sum(map(len, machine.rounds)) <= grid + probes


def test_a_jagged_layer_is_not_looked_at_for_ever() -> None:
    wide = LayerShape("linear", 2048, 2048, (1, 2048), "float32")
    machine = Machine(lambda i, o: 1.0 + (i * 7919 + o * 104729) % 13)
    surface = survey([layer(wide)], PLACES, 1, machine)[wide]
    assert len(surface.along_in.widths) <= 40
    assert len(surface.along_out.widths) <= 40


def test_widths_that_no_group_changes_stay_dense() -> None:
    machine = Machine(stairs)
    survey([layer(CONV)], {("b.weight", 0)}, 4, machine)
    assert {i for points in machine.rounds for _, i, _ in points} == {64}
    machine = Machine(stairs)
    survey([layer(CONV)], set(), 4, machine)
    assert machine.rounds == [[(CONV, 64, 128)]]


def test_equal_layers_are_timed_once_and_different_ones_in_the_same_rounds() -> None:
    other = LayerShape("conv", 64, 128, (1, 64, 4, 4), "float32", kernel=(3, 3), stride=(1, 1))
    machine = Machine(stairs)
    layers = [layer(CONV, "a"), layer(CONV), layer(other), layer(other, "c")]
    found = survey(layers, PLACES, 4, machine)
    assert set(found) == {CONV, other}
    asked = [point for points in machine.rounds for point in points]
    assert len(set(asked)) == len(asked)
    assert {shape for shape, _, _ in machine.rounds[0]} == {CONV, other}


def test_a_depthwise_convolution_has_as_many_inputs_as_outputs() -> None:
    depthwise = LayerShape("conv", 32, 32, (1, 32, 8, 8), "float32", kernel=(3, 3), groups=32)
    machine = Machine(lambda i, o: 0.1 * o)
    surface = survey([layer(depthwise)], PLACES, 4, machine)[depthwise]
    assert all(i == o for points in machine.rounds for _, i, o in points)
    assert surface.at(12, 12) == pytest.approx(1.2)


def test_a_grouped_convolution_keeps_whole_groups() -> None:
    grouped = LayerShape("conv", 32, 64, (1, 32, 8, 8), "float32", kernel=(3, 3), groups=4)
    machine = Machine(lambda i, o: 0.1 * o)
    survey([layer(grouped)], PLACES, 4, machine)
    asked = {(i, o) for points in machine.rounds for _, i, o in points}
    assert asked <= {(8, 16), (16, 32), (24, 48), (32, 64)}


@pytest.mark.parametrize(
    ("width", "step", "expected"),
    [
        (64, 4, (4, 8, 16, 32, 64)),
        (2048, 4, (4, 64, 128, 256, 512, 1024, 2048)),
        (3, 4, (3,)),
        (10, 4, (4, 10)),
        (1, 1, (1,)),
    ],
)
def test_coarse_widths(width: int, step: int, expected: tuple[int, ...]) -> None:
    assert halved(width, step) == expected


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_the_points_do_not_depend_on_the_unit_of_time(unit: float) -> None:
    """The part that a probe misses counts relative to the time itself."""
    usual, other = Machine(stairs), Machine(lambda i, o: unit * stairs(i, o))
    for machine in (usual, other):
        survey([layer(CONV)], PLACES, 4, machine)
    assert other.rounds == usual.rounds and len(usual.rounds) > 2
