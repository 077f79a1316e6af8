"""A trial made by hand for the tests of tracking."""

from __future__ import annotations

from paretoprune.results import EpochRecord, Metrics, TrialResult
from paretoprune.results.trials import State


def trial(number: int, *, state: State = "complete", accuracy: float = 97.24) -> TrialResult:
    """A trial with two groups and a curve of two epochs."""
    return TrialResult(
        number=number,
        state=state,
        origin="sampler",
        ratios={"layer1.0.conv1": 0.5, "fc": 0.25},
        widths={"layer1.0.conv1": 8, "fc": 12},
        metrics=Metrics({"accuracy": accuracy}, macs=310, theoretical_speedup=1000 / 310),
        seed=7,
        curve=tuple(
            EpochRecord(epoch, 2.0 / epoch, 40.0 * epoch, 1.5 / epoch, 0.1, 3.0) for epoch in (1, 2)
        ),
        seconds={"finetune": 6.0, "measure": 1.5},
        reason="out of memory" if state == "failed" else None,
    )
