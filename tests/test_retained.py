"""Retained quality in both directions, and bounds counted from the dense model."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.metrics import Direction
from paretoprune.results import Metrics
from paretoprune.retained import QualityScale, is_at_least, retained, scale_of

VALUES = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("quality", "trivial", "dense", "expected"),
    [(90.0, 10.0, 90.0, 1.0), (50.0, 10.0, 90.0, 0.5), (5.0, 10.0, 20.0, -0.5), (3, 5, 1, 0.5)],
)
def test_retained(quality: float, trivial: float, dense: float, expected: float) -> None:
    assert retained(quality, trivial, dense) == pytest.approx(expected)


def test_nothing_can_be_retained_of_a_trivial_dense_model() -> None:
    assert math.isnan(retained(10.0, 10.0, 10.0))
    assert not QualityScale("accuracy", "maximize", 10.0, 10.0).is_usable
    assert QualityScale("accuracy", "maximize", 10.0, 10.0).retained(5.0) is None
    assert QualityScale("rmse", "minimize", 2.0, 1.0).at_share(0.01) is None


@given(VALUES, VALUES, VALUES)
def test_both_directions_are_mirror_images(value: float, trivial: float, dense: float) -> None:
    up = QualityScale("x", "maximize", dense, trivial)
    down = QualityScale("x", "minimize", -dense, -trivial)
    assert up.is_usable == down.is_usable == (dense > trivial)
    assert up.retained(value) == down.retained(-value)
    assert up.loss_of(value) == down.loss_of(-value)
    assert is_at_least(value, trivial, "maximize") == is_at_least(-value, -trivial, "minimize")


@given(st.floats(0, 0.99), st.sampled_from([(10.0, 98.5), (2.5, 0.4), (-3.0, 0.8)]))
def test_a_share_is_the_bound_of_its_drop(drop: float, ends: tuple[float, float]) -> None:
    trivial, dense = ends
    direction: Direction = "maximize" if dense > trivial else "minimize"
    scale = QualityScale("x", direction, dense, trivial)
    bound = scale.at_share(drop)
    assert bound is not None
    assert scale.retained(bound) == pytest.approx(1 - drop)
    assert is_at_least(dense, bound, direction) and is_at_least(bound, trivial, direction)


def test_the_scale_is_of_the_first_objective_that_is_a_quality() -> None:
    dense = Metrics({"rmse": 0.5, "mae": 0.4}, macs=100)
    found = scale_of({"macs": "minimize", "mae": "minimize"}, dense, {"mae": 0.9})
    assert found == QualityScale("mae", "minimize", 0.4, 0.9)
    assert scale_of({"macs": "minimize", "params": "minimize"}, dense, {}) is None
    assert scale_of({"accuracy": "maximize"}, dense, {}) is None  # not measured


def test_without_a_trivial_predictor_the_worst_value_takes_its_place() -> None:
    accuracy = scale_of({"accuracy": "maximize"}, Metrics({"accuracy": 90.0}), {})
    assert accuracy is not None and accuracy.trivial == 0.0
    unbounded = scale_of({"r2": "maximize"}, Metrics({"r2": 0.9}), {})
    assert unbounded is not None and unbounded.trivial is None and not unbounded.is_usable
