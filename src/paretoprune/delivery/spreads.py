"""How far the figures of one architecture lie apart when it is trained with several seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from paretoprune.delivery.sweep_facts import SweepFacts
from paretoprune.results import TrialResult

Spread = Mapping[str, Sequence[float]]  # by quantity: least, most, count


def seed_spreads(facts: SweepFacts) -> dict[int, Spread]:
    """By trial: least, most and count of what several seeds of its architecture measured."""
    same: dict[tuple[tuple[str, int], ...], list[TrialResult]] = defaultdict(list)
    for result in facts.results:
        if result.state == "complete" and result.curve:
            same[tuple(sorted(result.widths.items()))].append(result)
    spreads: dict[int, Spread] = {
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


def _spread(trials: Sequence[TrialResult]) -> Spread:
    measured = [trial.metrics.measured() for trial in trials]
    columns = {
        name: [one[name] for one in measured if math.isfinite(one.get(name, math.nan))]
        for name in measured[0]
    }
    return {name: _range(values) for name, values in columns.items() if len(values) > 1}


def _range(values: Sequence[float]) -> list[float]:
    return [min(values), max(values), float(len(values))]
