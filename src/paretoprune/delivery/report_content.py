"""What a report shows, as plain data for the page's scripts."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paretoprune.delivery.picture import Picture, in_view, make_picture
from paretoprune.delivery.published import Published
from paretoprune.delivery.quantities import LOGARITHMIC, kind, label, size_and_quality, written
from paretoprune.results import DIRECTIONS, Direction, GroupInfo, Metrics, TrialResult

_HEADLINES = ("accuracy", "macs", "params", "latency_ms")  # told of every model, if measured
_DROPS = (0.5, 1.0, 2.0)  # percentage points below the dense model, in the summary


@dataclass(frozen=True)
class SweepFacts:
    """All that a report tells of a sweep."""

    name: str
    objectives: Mapping[str, Direction]
    results: Sequence[TrialResult]
    front: Collection[int]
    groups: Sequence[GroupInfo]  # in the network's order
    settings: Mapping[str, str] = field(default_factory=dict)  # by dotted name
    pick: str = ""  # the command that exports a model, without the trial
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict)  # by group: per channel
    sensitivity: Mapping[str, float] = field(default_factory=dict)  # by group: damage, in nats
    sensitivity_ratio: float = 0.5  # the share that was removed to measure it
    published: Sequence[Published] = ()
    # By trial: validation accuracies of the same plan trained again with other seeds.
    repeats: Mapping[int, Sequence[float]] = field(default_factory=dict)

    @property
    def dense(self) -> TrialResult | None:
        """The dense model's trial, once it is on record."""
        return next((result for result in self.results if result.origin == "dense"), None)


def report_content(facts: SweepFacts) -> dict[str, Any]:
    """The report of a sweep with at least the dense model on record."""
    size, quality = size_and_quality(facts.objectives)
    names = list(dict.fromkeys([*facts.objectives, *_measured(facts.results)]))
    spreads = _spreads(facts)
    return {
        "title": facts.name,
        "summary": summary(facts),
        "axes": [size, quality],
        "two": len(facts.objectives) == 2,
        "pick": facts.pick,
        "quantities": [_quantity(name, facts.objectives) for name in names],
        "view": _views(facts),
        "dense": facts.dense.number if facts.dense else None,
        "groups": [_group(group, facts) for group in facts.groups],
        "scorer": facts.settings.get("scorer._target_", "the scorer").rpartition(".")[2],
        "sensitivity_ratio": facts.sensitivity_ratio,
        "trials": [
            _trial(result, facts, spreads)
            for result in sorted(facts.results, key=lambda result: result.number)
        ],
        "published": [{"label": p.label, "values": p.values} for p in facts.published],
        "settings": list(facts.settings.items()),
    }


def picture_of(facts: SweepFacts) -> Picture:
    """The sweep as the pictures see it."""
    return make_picture(
        facts.results,
        front=facts.front,
        dense=facts.dense.metrics if facts.dense else Metrics(),
        objectives=facts.objectives,
        title=f"Front of {facts.name}",
    )


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
    return lines


def in_points(drop: float) -> str:
    """A difference between two rates in words: `0.5 points`, `1 point`."""
    return f"{drop:g} point{'s' if drop != 1 else ''}"


def smallest_within(facts: SweepFacts) -> dict[float, TrialResult]:
    """By drop in accuracy, the smallest front member that loses no more; each member once."""
    size, _ = size_and_quality(facts.objectives)
    dense = facts.dense
    found: dict[float, TrialResult] = {}
    if dense is None or dense.metrics.accuracy is None:
        return found
    sign = 1 if facts.objectives[size] == "minimize" else -1
    members = [result for result in facts.results if result.number in facts.front]
    for drop in _DROPS:
        near = [m for m in members if (m.metrics.accuracy or 0.0) >= dense.metrics.accuracy - drop]
        if near:
            best = min(near, key=lambda member: sign * member.metrics.measured()[size])
            if best not in found.values() and best.number != dense.number:
                found[drop] = best
    return found


def _headline(metrics: Metrics) -> str:
    measured = metrics.measured()
    words = {"macs": " MACs", "params": " parameters"}
    return ", ".join(
        written(name, measured[name]) + words.get(name, "")
        for name in _HEADLINES
        if name in measured
    )


def _measured(results: Sequence[TrialResult]) -> list[str]:
    found = {name for result in results for name in result.metrics.measured()}
    return [name for name in Metrics.__dataclass_fields__ if name in found]


def _quantity(name: str, objectives: Mapping[str, Direction]) -> dict[str, Any]:
    return {
        "name": name,
        "label": label(name),
        **kind(name),
        "log": name in LOGARITHMIC,
        "direction": objectives.get(name) or DIRECTIONS.get(name, "minimize"),
        "objective": name in objectives,
        "headline": name in _HEADLINES,
    }


def _views(facts: SweepFacts) -> dict[str, tuple[float, float]]:
    """For each objective the part of its axis to begin with, where collapsed trials flatten it."""
    picture = picture_of(facts)
    views = {name: in_view(picture, name) for name in facts.objectives}
    return {name: view for name, view in views.items() if view}


def _group(group: GroupInfo, facts: SweepFacts) -> dict[str, Any]:
    return {
        "name": group.name,
        "width": group.width,
        "importance": evenness(facts.scores.get(group.name, ())),
        "sensitivity": facts.sensitivity.get(group.name),
    }


def evenness(scores: Sequence[float]) -> float | None:
    """The share of a group's score that the lower half of its channels holds.

    A half where every channel matters alike, 0 where half of them do nothing. Unlike the scores
    themselves it can be compared between groups. None without positive scores.
    """
    total = sum(scores)
    if not total > 0:
        return None
    lower = sorted(scores)[: len(scores) // 2]
    return sum(lower) / total


def _trial(
    result: TrialResult, facts: SweepFacts, spreads: Mapping[int, Mapping[str, list[float]]]
) -> dict[str, Any]:
    curve = [(record.epoch, record.validation_accuracy) for record in result.curve]
    return {
        "number": result.number,
        "state": result.state,
        "origin": result.origin,
        "front": result.number in facts.front,
        "parent": result.parent,
        "seed": result.seed,
        "reason": result.reason,
        "duplicate_of": result.duplicate_of,
        "values": _finite(result.metrics.measured()),
        "widths": [result.widths.get(group.name, group.width) for group in facts.groups],
        "curve": [point for point in curve if math.isfinite(point[1])],
        "seconds": {phase: round(seconds, 3) for phase, seconds in result.seconds.items()},
        "spread": spreads.get(result.number, {}),
    }


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _spreads(facts: SweepFacts) -> dict[int, dict[str, list[float]]]:
    """By trial: least, most and count of what several seeds of its architecture measured."""
    same: dict[tuple[tuple[str, int], ...], list[TrialResult]] = defaultdict(list)
    for result in facts.results:
        if result.state == "complete" and result.curve:
            same[tuple(sorted(result.widths.items()))].append(result)
    spreads = {
        trial.number: _spread(trials)
        for trials in same.values()
        if len({trial.seed for trial in trials}) > 1
        for trial in trials
    }
    for result in facts.results:
        values = [*facts.repeats.get(result.number, ())]
        if values and result.metrics.accuracy is not None:
            values.append(result.metrics.accuracy)
            spreads[result.number] = {"accuracy": _range(values)}
    return spreads


def _spread(trials: Sequence[TrialResult]) -> dict[str, list[float]]:
    measured = [_finite(trial.metrics.measured()) for trial in trials]
    columns = {name: [one[name] for one in measured if name in one] for name in measured[0]}
    return {name: _range(values) for name, values in columns.items() if len(values) > 1}


def _range(values: Sequence[float]) -> list[float]:
    return [min(values), max(values), float(len(values))]
