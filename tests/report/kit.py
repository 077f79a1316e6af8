"""Sweeps made by hand for the tests of delivery, on a formula instead of networks."""

from __future__ import annotations

import math
import random

from paretoprune.metrics import Direction
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import State

OBJECTIVES: dict[str, Direction] = {"accuracy": "maximize", "macs": "minimize"}
DENSE = Metrics(
    {"accuracy": 98.3, "loss": 0.06},
    params=270_000,
    macs=41_000_000,
    size_bytes=1_090_000,
    latency_ms=4.1,
)


def trial(
    number: int,
    accuracy: float | None,
    macs: int | None,
    *,
    origin: str = "sampler",
    state: State = "complete",
    latency_ms: float | None = None,
    duplicate_of: int | None = None,
    reason: str | None = None,
) -> TrialResult:
    """A trial with two groups."""
    return TrialResult(
        number=number,
        state=state,
        origin=origin,
        ratios={"layer1": 0.5, "layer2": 0.25},
        widths={"layer1": 8, "layer2": 24},
        metrics=Metrics(
            {} if accuracy is None else {"accuracy": accuracy},
            macs=macs,
            params=None if macs is None else macs // 150,
            latency_ms=latency_ms,
        ),
        seed=3,
        seconds={"finetune": 2.5, "measure": 0.5},
        duplicate_of=duplicate_of,
        reason=reason,
    )


def sweep(count: int, *, collapse: float = 0.15, seed: int = 0) -> list[TrialResult]:
    """A likely sweep: uniform and global baselines, then a sampler's trials, some collapsed."""
    generator = random.Random(seed)
    results = []
    for number in range(count):
        origin = "uniform" if number < 4 else "global" if number < 8 else "sampler"
        baseline_shares = (0.8, 0.5, 0.25, 0.08)
        share = baseline_shares[number % 4] if number < 8 else math.exp(-3.6 * generator.random())
        penalty = {"uniform": 1.0, "global": 0.6}.get(origin, 0.3 + 1.2 * generator.random())
        accuracy = 98.4 - penalty * 1.1 * (1 / share) ** 0.62
        if origin == "sampler" and generator.random() < collapse:
            accuracy = 10 + 40 * generator.random()
        macs = int(41_000_000 * share)
        results.append(
            trial(
                number,
                round(accuracy, 2),
                macs,
                origin=origin,
                latency_ms=round(0.6 + 3.5 * share**0.7 * (1 + 0.2 * generator.random()), 3),
            )
        )
    return results


def front_of(results: list[TrialResult], objectives: dict[str, Direction]) -> list[int]:
    """The front by comparing every pair: slow and plain."""

    def vector(result: TrialResult) -> list[float]:
        measured = result.metrics.measured()
        signs = {"maximize": -1.0, "minimize": 1.0}
        return [signs[way] * measured[name] for name, way in objectives.items()]

    whole = [result for result in results if result.state == "complete"]
    vectors = {result.number: vector(result) for result in whole}

    def beaten(number: int) -> bool:
        mine = vectors[number]
        return any(
            all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine
            for other in vectors.values()
        )

    return [number for number in vectors if not beaten(number)]
