"""The line about the best model so far."""

from __future__ import annotations

import random

from paretoprune.cli.display.terminal import BestSoFar
from paretoprune.results import Job, Metrics, TrialResult
from paretoprune.testing import formula


def trial(number: int, ratio: float, origin: str = "uniform") -> TrialResult:
    ratios = {group.name: ratio for group in formula.GROUPS}
    return formula.evaluate(Job(number, origin, ratios, formula.widths_of(ratios), 0))


def test_the_smallest_that_retains_99_percent_whatever_comes_first() -> None:
    trials = [trial(0, 0.0, "dense"), *(trial(n, 0.02 * n) for n in range(1, 20))]
    good = [t for t in trials if t.metrics.quality.get("accuracy", 0) >= 99]
    macs, accuracy = min((t.metrics.macs or 0, t.metrics.quality.get("accuracy", 0)) for t in good)
    expected = f"best {accuracy:.2f} % at {macs / 64:.0%} MACs"
    for seed in range(5):
        random.Random(seed).shuffle(trials)
        best = BestSoFar({"accuracy": "maximize", "macs": "minimize"}, dict)
        assert best.in_words() == ""
        for each in trials:
            best.add(each)
        assert best.in_words() == expected


def test_the_best_of_an_error_counts_from_the_trivial_predictor() -> None:
    best = BestSoFar({"rmse": "minimize", "macs": "minimize"}, lambda: {"rmse": 2.5})
    values = [("dense", 0.5, 1000), ("chain", 0.519, 400), ("chain", 0.53, 100)]
    for number, (origin, rmse, macs) in enumerate(values):
        metrics = Metrics({"rmse": rmse}, macs=macs)
        best.add(TrialResult(number, "complete", origin, {}, {}, metrics, 0))
    assert best.in_words() == "best 0.519 at 40% MACs"
