"""Measures of whole fronts, against closed forms and slow references."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.metrics import Direction
from paretoprune.search.front.metrics import Yardstick, attained, box_hypervolume, retained_area

OBJECTIVES: dict[str, Direction] = {"accuracy": "maximize", "macs": "minimize"}
YARDSTICK = Yardstick({"accuracy": 90.0, "macs": 1000.0}, 10.0, "macs", "accuracy")
fronts = st.lists(st.tuples(st.floats(1, 3000), st.floats(0, 100)), min_size=0, max_size=8)


def test_hypervolume_of_one_and_two_models() -> None:
    assert box_hypervolume([(50.0, 500.0)], OBJECTIVES, YARDSTICK) == pytest.approx(0.5 * 0.5)
    two = [(50.0, 250.0), (90.0, 500.0)]
    assert box_hypervolume(two, OBJECTIVES, YARDSTICK) == pytest.approx(0.5 * 1 + 0.25 * 0.5)
    assert box_hypervolume([], OBJECTIVES, YARDSTICK) == 0
    assert box_hypervolume([(9.0, 10.0), (99.0, 1000.0)], OBJECTIVES, YARDSTICK) == 0


def test_hypervolume_of_three_objectives() -> None:
    objectives: dict[str, Direction] = {**OBJECTIVES, "latency_ms": "minimize"}
    yardstick = Yardstick({**YARDSTICK.dense, "latency_ms": 4.0}, 10.0, "macs", "accuracy")
    assert box_hypervolume([(90.0, 500.0, 3.0)], objectives, yardstick) == pytest.approx(0.5 * 0.25)


def test_retained_area_of_one_model_is_its_share_of_the_logarithmic_axis() -> None:
    span = math.log(50)
    assert retained_area([(1000.0, 90.0)], YARDSTICK) == 0
    assert retained_area([(20.0, 90.0)], YARDSTICK) == pytest.approx(1)
    assert retained_area([(5.0, 50.0)], YARDSTICK) == pytest.approx(0.5)
    assert retained_area([(100.0, 50.0)], YARDSTICK) == pytest.approx(0.5 * math.log(10) / span)
    assert retained_area([(2000.0, 90.0)], YARDSTICK) == 0
    assert retained_area([], YARDSTICK) == 0
    assert retained_area([(0.0, 90.0)], YARDSTICK) == pytest.approx(1)  # as a smallest file


@given(fronts)
def test_retained_area_is_the_mean_over_a_fine_grid(points: list[tuple[float, float]]) -> None:
    grid = np.exp(np.linspace(math.log(20), math.log(1000), 4001))
    best = [
        max((max(0.0, (q - 10) / 80) for s, q in points if s <= size), default=0.0) for size in grid
    ]
    assert retained_area(points, YARDSTICK) == pytest.approx(float(np.mean(best)), abs=4e-3)


def test_what_seeds_attain() -> None:
    runs = [[(10.0, 50.0), (20.0, 80.0)], [(10.0, 60.0)], [(15.0, 70.0)]]
    assert attained(runs, 0.25) == [(10.0, 60.0), (15.0, 70.0), (20.0, 80.0)]
    assert attained(runs, 0.5) == [(10.0, 50.0), (15.0, 60.0), (20.0, 70.0)]
    assert attained(runs, 1.0) == [(15.0, 50.0), (20.0, 60.0)]


@given(st.lists(fronts, min_size=1, max_size=5), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_attained_counts_runs(runs: list[list[tuple[float, float]]], share: float) -> None:
    """At each size the surface is the highest quality that enough runs reach: brute force."""
    surface = attained(runs, share)
    for size in {size for run in runs for size, _ in run}:
        reached = max((q for s, q in surface if s <= size), default=None)
        bests = [max((q for s, q in run if s <= size), default=-math.inf) for run in runs]
        candidates = [
            q for q in bests if q > -math.inf and sum(b >= q for b in bests) >= share * len(runs)
        ]
        assert reached == max(candidates, default=None)


def test_an_error_is_measured_like_its_negative() -> None:
    """Fronts of rmse and macs, and the same with the sign of the quality turned."""
    objectives: dict[str, Direction] = {"rmse": "minimize", "macs": "minimize"}
    turned: dict[str, Direction] = {"r2": "maximize", "macs": "minimize"}
    down = Yardstick({"rmse": 0.5, "macs": 1000.0}, 2.5, "macs", "rmse")
    up = Yardstick({"r2": -0.5, "macs": 1000.0}, -2.5, "macs", "r2")
    front = [(1000.0, 0.5), (300.0, 0.7), (40.0, 2.0), (10.0, 3.0)]
    mirrored = [(size, -quality) for size, quality in front]
    assert retained_area(front, down) == pytest.approx(retained_area(mirrored, up))
    assert 0 < retained_area(front, down) < 1
    assert box_hypervolume([(q, s) for s, q in front], objectives, down) == pytest.approx(
        box_hypervolume([(q, s) for s, q in mirrored], turned, up)
    )
    assert (down.direction, up.direction) == ("minimize", "maximize")
    runs = [front, [(1000.0, 0.6), (100.0, 0.9)]]
    surface = attained(runs, 0.5, direction="minimize")
    assert surface == [
        (size, -value) for size, value in attained([[(s, -q) for s, q in run] for run in runs], 0.5)
    ]
    assert surface[0] == (10.0, 3.0) and surface[-1] == (1000.0, 0.5)
