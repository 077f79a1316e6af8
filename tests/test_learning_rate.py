"""The search for a learning rate, on losses that are formulas."""

from __future__ import annotations

import math

import pytest

from paretoprune.learning_rate import descend


@pytest.mark.parametrize("best", [0.001, 0.01, 0.05, 0.3, 1.0])
def test_it_ends_within_a_step_above_the_best_rate(best: float) -> None:
    tried: list[float] = []

    def loss(rate: float) -> float:
        tried.append(rate)
        return 1 + abs(math.log(rate / best, 4))

    found = descend(loss, 0.05)
    assert len(tried) <= 8
    assert abs(math.log(found / best, 4)) <= 0.5 + 1e-9


def test_a_rate_that_diverges_is_left() -> None:
    assert descend(lambda rate: math.inf if rate > 0.02 else 1 - rate, 0.05) < 0.02


def test_where_everything_diverges_the_configured_rate_stays() -> None:
    assert descend(lambda rate: math.inf, 0.05) == 0.05


def test_a_higher_rate_is_preferred_once_where_it_is_nearly_as_good() -> None:
    assert descend(lambda rate: 1.0, 0.05) == 0.05 * 4
    assert descend(lambda rate: 1.0 if rate < 0.1 else 1.02, 0.05) == 0.05 * 4
    assert descend(lambda rate: 1.0 if rate < 0.1 else 1.04, 0.05) == 0.05
