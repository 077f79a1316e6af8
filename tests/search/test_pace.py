"""How long trials take, and what is left of a budget for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paretoprune.results import Budget, Job, TrialResult
from paretoprune.search import Left, Pace, pace_at
from tests.kits import formula


def trial(number: int, ratio: float, seconds: float) -> TrialResult:
    ratios = {group.name: ratio for group in formula.GROUPS}
    job = Job(number, "test", ratios, formula.widths_of(ratios), 0, epochs=2.0)
    result = formula.evaluate(job)
    return replace(result, seconds={"finetune": seconds, "measure": 0.5})


def test_the_three_nearest_sizes_count() -> None:
    results = [trial(0, 0.0, 99), trial(1, 0.4, 4), trial(2, 0.5, 6), trial(3, 0.6, 2)]
    assert pace_at(results, formula.cost_of({g.name: 0.5 for g in formula.GROUPS}).macs) == Pace(
        per_epoch=2.0, fixed=0.5
    )
    assert pace_at([], 10) is None


def test_what_is_left_is_shared_in_the_unit_of_the_budget() -> None:
    def left(amount: float, unit: str) -> Left:
        return Left(Budget(amount, unit), 4.0, lambda macs: Pace(macs, 1.0))  # type: ignore[arg-type]

    assert left(7, "trials").epochs(0.1, macs=2) == 4
    assert left(30, "epochs").epochs(0.1, macs=2) == pytest.approx(3)
    assert left(50, "seconds").epochs(0.1, macs=2) == pytest.approx((5 - 1) / 2)
    assert left(5, "seconds").epochs(0.1, macs=2) == 0
    assert (left(7, "trials").num_trials(3), left(7, "seconds").num_trials(3)) == (7, 3)
