"""The epoch whose weights were kept, as the curve marks it."""

from __future__ import annotations

import pytest

from paretoprune.report.report_content import kept_epoch
from paretoprune.results import EpochRecord, Metrics, TrialResult


def trial(quality: float | None, *curve: float) -> TrialResult:
    records = tuple(EpochRecord(n, 1.0, one, 1.0, 0.1, 1.0) for n, one in enumerate(curve, 1))
    metrics = Metrics({} if quality is None else {"accuracy": quality})
    return TrialResult(1, "complete", "chain", {}, {}, metrics, seed=0, curve=records)


@pytest.mark.parametrize(
    ("result", "epoch"),
    [
        (trial(90.0, 80.0, 90.0, 85.0), 2),
        (trial(90.0, 90.0, 90.0, 85.0), 2),  # of equals the latest
        (trial(88.1, 80.0, 90.0), None),  # measured on other samples
        (trial(None, 80.0), None),
        (trial(90.0), None),
    ],
)
def test_it_is_the_last_with_the_quality_of_the_finished_model(
    result: TrialResult, epoch: int | None
) -> None:
    assert kept_epoch(result) == epoch
