"""The calibration recovers what a whole model is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoprune.measure.calibration import Calibration, Check, Parts, calibrate, check

RNG = np.random.default_rng(0)
PARTS = [Parts(float(a), float(b)) for a, b in RNG.uniform(1, 10, (12, 2)) * (1, 1e6)]


@pytest.mark.parametrize(
    "truth",
    [Calibration(0.5, 1.2, 3e-7), Calibration(0.0, 1.0, 0.0), Calibration(2.0, 0.0, 1e-6)],
)
def test_exact_times_give_the_exact_shares(truth: Calibration) -> None:
    found = calibrate(PARTS, [truth.predict(parts) for parts in PARTS])
    assert found.fixed_ms == pytest.approx(truth.fixed_ms, abs=1e-9)
    assert found.layers == pytest.approx(truth.layers, abs=1e-9)
    assert found.per_element_ms == pytest.approx(truth.per_element_ms, abs=1e-15)


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
