"""The figures of a sweep's front, as metrics of the sweep's own run in MLflow."""

from __future__ import annotations

from paretoprune.report.sweep_facts import SweepFacts


def front_figures(facts: SweepFacts) -> dict[str, float]:
    """Return the size of the front, and the dense and the best value of each objective.

    The best values belong to different models of the front.
    """
    by_key = {result.key: result.metrics.measured() for result in facts.results}
    front = [by_key[key] for key in facts.front]
    dense = facts.dense.metrics.measured() if facts.dense else {}
    found = {"front_models": float(len(front)), "trials": float(len(facts.results))}
    for name, direction in facts.objectives.items():
        values = [measured[name] for measured in front if name in measured]
        if values:
            best = max(values) if direction == "maximize" else min(values)
            found[f"best/{name}"] = float(best)
        if name in dense:
            found[f"dense/{name}"] = float(dense[name])
    return found
