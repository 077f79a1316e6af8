"""Lineages: where weights come from, and how much training is in them."""

from __future__ import annotations

import pytest

from paretoprune.lineage import epochs_in_total, lineage
from paretoprune.results import Job, Metrics, TrialResult
from paretoprune.testing import formula


def result(number: int, parent: int | None = None, epochs: float = 0.0) -> TrialResult:
    return TrialResult(
        number, "complete", "chain", {}, {}, Metrics(), number, parent=parent, epochs=epochs
    )


def test_the_lineage_begins_at_the_dense_model() -> None:
    results = {
        r.number: r for r in (result(0), result(4), result(5, 4), result(7, 5), result(8, 4))
    }
    assert [member.number for member in lineage(results[7], results)] == [4, 5, 7]
    assert lineage(results[0], results) == [results[0]]


def test_training_is_that_of_the_whole_lineage() -> None:
    """A duplicate has the metrics of its twin, and so its training."""
    twin = TrialResult(9, "duplicate", "global", {}, {}, Metrics(), 9, duplicate_of=7)
    results = [result(0), result(4, None, 4.0), result(5, 4, 1.5), result(7, 5, 2.0), twin]
    assert epochs_in_total(results) == {0: 0.0, 4: 4.0, 5: 5.5, 7: 7.5, 9: 7.5}


def test_what_stems_from_a_trial_that_is_gone_has_no_total() -> None:
    assert epochs_in_total([result(0), result(5, 4, 1.0)]) == {0: 0.0}


@pytest.mark.parametrize("epochs", [None, 0.0, 1.25])
def test_the_job_of_a_result_is_the_one_that_led_to_it(epochs: float | None) -> None:
    """An untrained candidate stays untrained, a part of a training the same part."""
    ratios = {group.name: 0.5 for group in formula.GROUPS}
    widths = formula.widths_of(ratios)
    job = Job(3, "untrained", ratios, widths, 17, 2, epochs, 1, (widths,))
    found = formula.evaluate(job)
    assert found.job == job


def test_results_of_earlier_versions_ask_for_what_they_were_trained() -> None:
    data = {
        "number": 3,
        "state": "complete",
        "origin": "sketch",
        "ratios": {},
        "widths": {},
        "metrics": {},
        "seed": 3,
        "curve": [],
        "epochs": 0.0,
    }
    assert TrialResult.from_json(data).job.epochs == 0.0
    assert TrialResult.from_json({**data, "state": "failed"}).job.epochs is None
    assert TrialResult.from_json(data).origin == "untrained"
    assert TrialResult.from_json({**data, "origin": "chain"}).origin == "chain"
