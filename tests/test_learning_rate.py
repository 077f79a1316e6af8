"""The search for a learning rate, on losses that are formulas."""

from __future__ import annotations

import math

import pytest

from paretoprune.learning_rate import descend


@pytest.mark.parametrize("best", [0.001, 0.01, 0.05, 0.3, 1.0])
def test_it_ends_within_half_a_step_of_the_best_rate(best: float) -> None:
    tried: list[float] = []

    def loss(rate: float) -> float:
        tried.append(rate)
        return abs(math.log10(rate / best))

    found = descend(loss, 0.05)
    assert len(tried) <= 8
    assert abs(math.log10(found / best)) <= 0.25 + 1e-9
    assert found == min(tuple(tried), key=loss)  # a copy: asking for a loss adds to the list


def test_a_rate_that_diverges_is_left() -> None:
    assert descend(lambda rate: math.inf if rate > 0.02 else 1 - rate, 0.05) < 0.02


def test_a_flat_loss_keeps_the_configured_rate() -> None:
    assert descend(lambda rate: 1.0, 0.05) == 0.05
