"""A sweep in a few sentences, and the best points of its front."""

from __future__ import annotations

from paretoprune.metrics import busy_sentence, size_and_quality, written_of
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.results import Metrics, TrialResult

HEADLINES = ("accuracy", "macs", "params", "latency_ms")  # told of every model, if measured
_DROPS = (0.5, 1.0, 2.0)  # percentage points below the dense model, in the summary


def summary(facts: SweepFacts) -> list[str]:
    """A few sentences: how many trials, the dense model, the smallest models near it."""
    states = [result.state for result in facts.results]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    lines = [f"{len(states)} trials ({counts}), {len(facts.front)} on the front."]
    if facts.dense is None:
        return lines
    lines[0] += f" Dense model: {_headline(facts.dense.metrics)}."
    for drop, member in smallest_within(facts).items():
        lines.append(
            f"Smallest within {in_points(drop)} of it: "
            f"trial {member.number}, {_headline(member.metrics)}."
        )
    busy = busy_sentence(result.metrics.contention for result in facts.results)
    return [*lines, busy] if busy else lines


def in_points(drop: float) -> str:
    """A difference between two rates in words: `0.5 points`, `1 point`."""
    return f"{drop:g} point{'s' if drop != 1 else ''}"


def smallest_within(facts: SweepFacts) -> dict[float, TrialResult]:
    """By drop in accuracy, the smallest front member that loses no more; each member once."""
    size, _ = size_and_quality(facts.objectives)
    dense = facts.dense
    found: dict[float, TrialResult] = {}
    if dense is None or "accuracy" not in dense.metrics.quality:
        return found
    least = dense.metrics.quality["accuracy"]
    sign = 1 if facts.objectives[size] == "minimize" else -1
    members = [result for result in facts.results if result.number in facts.front]
    for drop in _DROPS:
        near = [m for m in members if m.metrics.quality.get("accuracy", 0.0) >= least - drop]
        if near:
            best = min(near, key=lambda member: sign * member.metrics.measured()[size])
            if best not in found.values() and best.number != dense.number:
                found[drop] = best
    return found


def _headline(metrics: Metrics) -> str:
    measured = metrics.measured()
    words = {"macs": " MACs", "params": " parameters"}
    return ", ".join(
        written_of(name, measured) + words.get(name, "") for name in HEADLINES if name in measured
    )
