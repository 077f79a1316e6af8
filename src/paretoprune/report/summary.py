"""A sweep in a few sentences, and the best points of its front."""

from __future__ import annotations

from paretoprune.number_format import busy_sentence, written_of
from paretoprune.objectives import size_and_quality
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.results import Metrics, TrialResult
from paretoprune.retained import QualityScale

_COSTS = ("macs", "params", "latency_ms")
_DROPS = (0.005, 0.01, 0.02)  # shares of the retained quality


def summary(facts: SweepFacts) -> list[str]:
    """A few sentences: the number of trials, the dense model, the smallest models near it."""
    states = [result.state for result in facts.results if not result.quantization]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    quantized = len(facts.results) - len(states)
    plural = "s" if quantized > 1 else ""
    more = f" and {quantized} quantized model{plural} of them" if quantized else ""
    lines = [f"{len(states)} trials ({counts}){more}, {len(facts.front)} on the front."]
    if facts.dense is None:
        return lines
    lines[0] += f" Dense model: {_headline(facts.dense.metrics, facts)}."
    if (scale := facts.scale) and scale.trivial is not None:
        trivial = f"The trivial predictor, which ignores the input: {scale.written(scale.trivial)}"
        lines.append(trivial + ("." if scale.is_usable else "; the dense model is no better."))
    for drop, member in smallest_within(facts).items():
        lines.append(
            f"Smallest with {in_share(drop)} of the quality retained: "
            f"trial {member.key}, {_headline(member.metrics, facts)}."
        )
    busy = busy_sentence(result.metrics.contention for result in facts.results)
    return [*lines, busy] if busy else lines


def headlines(facts: SweepFacts) -> tuple[str, ...]:
    """The quantities that are shown of every model, if measured: the front's quality and costs."""
    return (facts.scale.name, *_COSTS) if facts.scale else _COSTS


def in_share(drop: float) -> str:
    """The share of the quality that is retained, in words: `99 %`."""
    return f"{100 * (1 - drop):g} %"


def smallest_within(facts: SweepFacts) -> dict[float, TrialResult]:
    """By lost share of the quality, the smallest front member that loses no more; each once.

    Quality counts from the trivial predictor's. Empty if the dense model is no better than that.
    """
    size, _ = size_and_quality(facts.objectives)
    dense = facts.dense
    found: dict[float, TrialResult] = {}
    scale = facts.scale
    if dense is None or scale is None or not scale.is_usable:
        return found
    sign = 1 if facts.objectives[size] == "minimize" else -1
    members = [result for result in facts.results if result.key in facts.front]
    for drop in _DROPS:
        near = [m for m in members if _retains(m, scale, 1 - drop)]
        if near:
            best = min(near, key=lambda member: sign * member.metrics.measured()[size])
            if best not in found.values() and best.key != dense.key:
                found[drop] = best
    return found


def _retains(member: TrialResult, scale: QualityScale, share: float) -> bool:
    value = member.metrics.get(scale.name)
    kept = None if value is None else scale.retained(value)
    return kept is not None and kept >= share


def _headline(metrics: Metrics, facts: SweepFacts) -> str:
    measured = metrics.measured()
    words = {"macs": " MACs", "params": " parameters"}
    names = [name for name in headlines(facts) if name in measured]
    return ", ".join(written_of(name, measured) + words.get(name, "") for name in names)
