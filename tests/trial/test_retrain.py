"""Trained again: the whole lineage, other seeds, other orders of the images."""

from __future__ import annotations

from paretoprune.results import Metrics, TrialResult
from paretoprune.trial.retrain import lineage, nth_seed


def result(number: int, parent: int | None = None) -> TrialResult:
    return TrialResult(number, "complete", "chain", {}, {}, Metrics(), number, parent=parent)


def test_the_lineage_begins_at_the_dense_model() -> None:
    results = {
        r.number: r for r in (result(0), result(4), result(5, 4), result(7, 5), result(8, 4))
    }
    assert [member.number for member in lineage(results[7], results)] == [4, 5, 7]
    assert lineage(results[0], results) == [results[0]]


def test_seeds_are_none_that_a_sweep_took() -> None:
    seeds = {nth_seed(result(number), index) for number in range(1000) for index in (1, 2, 3)}
    assert len(seeds) == 3000
    assert min(seeds) > 1000
    last = TrialResult(0, "complete", "chain", {}, {}, Metrics(), 2**31 - 1)
    assert 0 <= nth_seed(last, 1) < 2**31
