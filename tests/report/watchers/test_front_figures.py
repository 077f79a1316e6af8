"""The figures of a front, as metrics of the sweep's own run."""

from __future__ import annotations

from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.report.watchers.front_figures import front_figures
from paretoprune.results import Metrics, TrialResult


def trial(number: int, accuracy: float, macs: int, origin: str = "sampler") -> TrialResult:
    metrics = Metrics({"accuracy": accuracy}, macs=macs)
    return TrialResult(number, "complete", origin, {}, {}, metrics, seed=0)


def test_the_best_of_each_objective_and_the_dense_models() -> None:
    results = [
        trial(0, 90.0, 100, "dense"),
        trial(1, 88.0, 50),
        trial(2, 70.0, 20),
        trial(3, 60, 30),
    ]
    facts = SweepFacts(
        name="digits",
        objectives={"accuracy": "maximize", "macs": "minimize"},
        results=results,
        front=[1, 2],
        groups=[],
    )
    assert front_figures(facts) == {
        "front_models": 2,
        "trials": 4,
        "best/accuracy": 88.0,
        "dense/accuracy": 90.0,
        "best/macs": 20,
        "dense/macs": 100,
    }
