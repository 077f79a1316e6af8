"""Gain of a trial over the strongest control of the same size, at equal training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paretoprune.lineage import epochs_in_total
from paretoprune.metrics import Direction, label
from paretoprune.number_format import written_difference
from paretoprune.objectives import size_and_quality
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import ModelKey

# The origins of uniform pruning's trials; each is a control of its own.
CONTROLS = ("uniform", "uniform_chain")
MORE_TRAINED = "more trained"

_EQUAL = 1e-6  # epochs that sums of the same numbers in another order may differ by


@dataclass(frozen=True)
class Control:
    """A measured point of uniform pruning. The dense model, its ratio 0, belongs to each origin."""

    size: float
    quality: float
    epochs: float  # of training in total, after that of the dense model
    origins: tuple[str, ...] = CONTROLS


@dataclass(frozen=True)
class Gain:
    """Quality won over the strongest control of the same size, in the quality's unit.

    `more_trained` is true where no control of that size had as much training in total.
    """

    value: float
    more_trained: bool


def gain_over_uniform(
    size: float,
    quality: float,
    uniform_points: Sequence[tuple[float, float]],
    *,
    direction: Direction = "maximize",
) -> float | None:
    """Quality won over uniform pruning of the same size; positive is better.

    Uniform pruning's quality is interpolated linearly in the logarithm of the size between its
    measured points (size, quality). None where the size lies outside of them.
    """
    uniform = _interpolated(size, uniform_points, direction)
    if uniform is None:
        return None
    return quality - uniform if direction == "maximize" else uniform - quality


def controls_of(
    results: Sequence[TrialResult], dense: Metrics, objectives: Mapping[str, Direction]
) -> list[Control]:
    """All points of uniform pruning that were measured, the dense model included."""
    size, quality = size_and_quality(objectives)
    totals = epochs_in_total(results)
    found: list[tuple[dict[str, float], float, tuple[str, ...]]] = [
        (dense.measured(), 0.0, CONTROLS)
    ]
    found += [
        (result.metrics.measured(), totals[result.number], (result.origin,))
        for result in results
        if result.origin in CONTROLS and result.number in totals
    ]
    return [
        Control(measured[size], measured[quality], epochs, origins)
        for measured, epochs, origins in found
        if size in measured and quality in measured
    ]


def gain_of(
    metrics: Metrics,
    epochs: float | None,
    controls: Sequence[Control],
    objectives: Mapping[str, Direction],
) -> Gain | None:
    """The gain of a model that was trained for `epochs` in total; None where it is not known.

    Controls with less training in total count only where no others enclose the size.
    """
    size, quality = size_and_quality(objectives)
    measured = metrics.measured()
    if size not in measured or quality not in measured or epochs is None:
        return None

    def least(known: Sequence[Control]) -> float | None:
        """Over the strongest of them, which leaves the least gain."""
        gains = (
            gain_over_uniform(
                measured[size],
                measured[quality],
                [(one.size, one.quality) for one in known if origin in one.origins],
                direction=objectives[quality],
            )
            for origin in CONTROLS
        )
        return min((gain for gain in gains if gain is not None), default=None)

    equal = least([one for one in controls if one.epochs >= epochs - _EQUAL])
    if equal is not None:
        return Gain(equal, more_trained=False)
    unequal = least(controls)
    return None if unequal is None else Gain(unequal, more_trained=True)


def gains_of(
    results: Sequence[TrialResult], dense: Metrics, objectives: Mapping[str, Direction]
) -> dict[ModelKey, Gain]:
    """The gains of all models for which they are known, by key."""
    totals, controls = epochs_in_total(results), controls_of(results, dense, objectives)
    gains = {
        result.key: gain_of(result.metrics, totals.get(result.number), controls, objectives)
        for result in results
    }
    return {key: gain for key, gain in gains.items() if gain is not None}


def training_sentence(epochs: float, gain: Gain | None, objectives: Mapping[str, Direction]) -> str:
    """Return a sentence: the training of a model, and its gain over uniform pruning."""
    trained = f"Trained for {epochs:.3g} epochs in total, along its lineage."
    if gain is None:
        return trained
    _, quality = size_and_quality(objectives)
    gained = written_difference(quality, gain.value).removesuffix(" points")
    than = f"but it is {MORE_TRAINED} than that" if gain.more_trained else "with as much training"
    return f"{trained} {label(quality)} {gained} over uniform pruning of its size, {than}."


def _interpolated(
    size: float, points: Sequence[tuple[float, float]], direction: Direction
) -> float | None:
    best = max if direction == "maximize" else min
    by_size: dict[float, float] = {}
    for known, quality in points:
        by_size[known] = best(quality, by_size.get(known, quality))
    if size in by_size:
        return by_size[size]
    left = max((known for known in by_size if 0 < known < size), default=None)
    right = min((known for known in by_size if known > size), default=None)
    if left is None or right is None:
        return None
    share = math.log(size / left) / math.log(right / left)
    return by_size[left] + share * (by_size[right] - by_size[left])
