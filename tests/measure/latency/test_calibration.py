"""The calibration recovers what a whole model is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.measure.latency.calibration import Calibration, Check, Parts, calibrate, check

RNG = np.random.default_rng(0)
DRAWN = RNG.uniform(1, 10, (12, 2)) * (1, 1e6)
PARTS = [Parts(float(a), float(b), 20) for a, b in DRAWN]
SHORTER = [Parts(float(a), float(b), 20 - k) for k, (a, b) in enumerate(DRAWN)]


@pytest.mark.parametrize(
    "truth",
    [
        Calibration(0.5, 1.2, 3e-7, 0.1),
        Calibration(0.0, 1.0, 0.0, 0.2),
        Calibration(2.0, 0.0, 1e-6, 0.0),
    ],
)
def test_exact_times_give_the_exact_shares(truth: Calibration) -> None:
    found = calibrate(SHORTER, [truth.predict(parts) for parts in SHORTER])
    assert found.fixed_ms == pytest.approx(truth.fixed_ms, abs=1e-9)
    assert found.layers == pytest.approx(truth.layers, abs=1e-9)
    assert found.per_element_ms == pytest.approx(truth.per_element_ms, abs=1e-15)
    assert found.per_layer_ms == pytest.approx(truth.per_layer_ms, abs=1e-9)


def test_where_no_layer_is_removed_what_each_costs_is_fixed() -> None:
    truth = Calibration(0.5, 1.2, 3e-7, 0.1)
    found = calibrate(PARTS, [truth.predict(parts) for parts in PARTS])
    assert found.fixed_ms == pytest.approx(0.5 + 20 * 0.1)
    assert found.per_layer_ms == 0


@given(st.lists(st.floats(0.1, 10), min_size=12, max_size=12))
def test_no_share_is_negative_and_none_alone_fits_better(times: list[float]) -> None:
    found = calibrate(PARTS, times)
    shares = (found.fixed_ms, found.layers, found.per_element_ms)
    assert min(shares) >= 0

    def misfit(predicted: list[float]) -> float:
        return sum((p / t - 1) ** 2 for p, t in zip(predicted, times, strict=True))

    own = misfit([found.predict(parts) for parts in PARTS])
    for scale in np.linspace(0.05, 3, 60):
        assert own <= misfit([float(scale) * parts.layers_ms for parts in PARTS]) + 1e-9


def test_errors_and_ranks() -> None:
    found = check([1.1, 2.0, 2.7, 4.4], [1.0, 2.0, 3.0, 4.0])
    assert found == Check(4, pytest.approx(0.1), pytest.approx(0.1), pytest.approx(1.0))
    assert check([3.0, 2.0, 1.0], [1.0, 2.0, 3.0]).rank_correlation == pytest.approx(-1)
    # By hand: ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3.
    tied = check([1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]).rank_correlation
    assert tied == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert check([1.0, 1.0], [1.0, 1.0]).rank_correlation == 1.0
