"""Content of a report, as plain data for the page's scripts."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from paretoprune.lineage import epochs_in_total
from paretoprune.metrics import DIRECTIONS, LOGARITHMIC, label, quantity_of
from paretoprune.number_format import notation, shown
from paretoprune.numerics import LayerError, NumericalErrors, warnings_of
from paretoprune.objectives import size_and_quality
from paretoprune.report.pictures.picture import BASELINES, in_view
from paretoprune.report.shown_trials import omission, shown_trials
from paretoprune.report.summary import headlines, summary
from paretoprune.report.sweep_facts import SweepFacts, picture_of
from paretoprune.report.uniform_gain import gains_of, training_sentence
from paretoprune.results import GroupInfo, Metrics, TrialResult
from paretoprune.results.measurements import names_measured
from paretoprune.results.trials import ModelKey
from paretoprune.retained import QualityScale


def report_content(facts: SweepFacts) -> dict[str, Any]:
    """The report of a sweep with at least the dense model on record."""
    size, quality = size_and_quality(facts.objectives)
    names = list(
        dict.fromkeys([*facts.objectives, *names_measured(r.metrics for r in facts.results)])
    )
    stopped, training = stopped_trials(facts.results), _training(facts)
    shown_ones = shown_trials(facts.results, facts.front)
    left_out = len(shown_ones) < len(facts.results)
    return {
        "title": facts.name,
        "summary": [
            *summary(facts),
            *([omission(len(shown_ones), len(facts.results))] if left_out else []),
        ],
        "progress": facts.progress.in_words() if facts.progress else None,
        "written_ms": int(time.time() * 1000) if facts.progress else None,
        "axes": [size, quality],
        "two": len(facts.objectives) == 2,
        "pick": facts.pick,
        "quantities": [_quantity(name, facts) for name in names],
        "quality": facts.scale.name if facts.scale else None,
        "view": _views(facts),
        "dense": facts.dense.number if facts.dense else None,
        "groups": [_group(group, facts) for group in facts.groups],
        "scorer": facts.settings.get("scorer._target_", "the scorer").rpartition(".")[2],
        "sensitivity_ratio": facts.sensitivity_ratio,
        "trials": [
            _trial(result, facts, training, stopped=result.key in stopped)
            for result in sorted(shown_ones, key=lambda r: (r.number, r.quantization))
        ],
        "numerics": _numerics(facts.numerics),
        "published": [{"label": p.label, "values": p.values} for p in facts.published],
        "settings": list(facts.settings.items()),
    }


def _training(facts: SweepFacts) -> dict[ModelKey, str]:
    """Return a sentence by trial: its training, and its gain over uniform pruning."""
    dense = facts.dense.metrics if facts.dense else Metrics()
    gains = gains_of(facts.results, dense, facts.objectives)
    totals = epochs_in_total(facts.results)
    return {
        result.key: training_sentence(
            totals[result.number], gains.get(result.key), facts.objectives
        )
        for result in facts.results
        if result.number in totals
    }


def _quantity(name: str, facts: SweepFacts) -> dict[str, Any]:
    return {
        "name": name,
        "label": label(name),
        **notation(name),
        "log": name in LOGARITHMIC,
        "timed": quantity_of(name).is_timed,
        "direction": facts.objectives.get(name) or DIRECTIONS.get(name, "minimize"),
        "objective": name in facts.objectives,
        "headline": name in headlines(facts),
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


def _numerics(numerics: Mapping[ModelKey, NumericalErrors]) -> list[dict[str, Any]]:
    """An entry for each quantized model: a sentence, warnings, and the layers' errors."""
    return [
        {
            "trial": key,
            "sentence": errors.in_words,
            "warnings": warnings_of(errors),
            "layers": [_layer_error(one) for one in errors.layers],
        }
        for key, errors in numerics.items()
    ]


def _layer_error(error: LayerError) -> dict[str, Any]:
    return {
        "layer": error.layer,
        "bits": error.bits,
        "own": round(error.own_db, 1),
        "accumulated": round(error.accumulated_db, 1),
        "saturated": round(error.saturated, 3),
        "crest": round(error.crest, 1),
    }


def _trial(
    result: TrialResult, facts: SweepFacts, training: Mapping[ModelKey, str], *, stopped: bool
) -> dict[str, Any]:
    curve = [(record.epoch, record.quality) for record in result.curve]
    return {
        "number": result.key,
        "quantized": bool(result.quantization),
        "bits": result.bits,
        "state": result.state,
        "origin": result.origin,
        "front": result.key in facts.front,
        "parent": result.number if result.quantization else result.parent,
        "seed": result.seed,
        "reason": result.reason,
        "duplicate_of": result.duplicate_of,
        "values": _finite(shown(result.metrics.measured())),
        "widths": [result.widths.get(group.name, group.width) for group in facts.groups],
        "curve": [point for point in curve if math.isfinite(point[1])],
        "kept": kept_epoch(result),
        "seconds": {phase: round(seconds, 3) for phase, seconds in result.seconds.items()},
        "rung": result.rung,
        "stopped": stopped,
        "spread": _spread(result, facts),
        "retained": _retained(result, facts.scale),
        "training": training.get(result.key),
    }


def kept_epoch(result: TrialResult) -> int | None:
    """Return the epoch whose weights were kept: the last with the quality of the finished model.

    None where that is not known: if fewer validation samples were used in training than after it.
    """
    quality = next(iter(result.metrics.quality.values()), None)
    if quality is None:
        return None
    same = [r.epoch for r in result.curve if math.isclose(r.quality, quality, rel_tol=1e-6)]
    return same[-1] if same else None


def stopped_trials(results: Sequence[TrialResult]) -> set[int]:
    """Of a search with rungs, its trials below the highest rung that were not trained on."""
    highest = max((result.rung for result in results), default=0)
    trained_on = {result.parent for result in results if result.rung > 0}
    trained = [r for r in results if r.state == "complete" and not r.quantization]
    below = [r for r in trained if r.rung < highest]
    return {r.number for r in below if r.origin not in ("dense", *BASELINES)} - trained_on


def _spread(result: TrialResult, facts: SweepFacts) -> dict[str, tuple[float, float, int]]:
    """Least, most and count of the qualities that several seeds gave; nothing for one seed."""
    repeats = () if result.quantization else facts.repeats.get(result.number, ())
    scale = facts.scale
    if not repeats or scale is None or scale.name not in result.metrics.quality:
        return {}
    values = [result.metrics.quality[scale.name], *repeats]
    return {scale.name: (min(values), max(values), len(values))}


def _retained(result: TrialResult, scale: QualityScale | None) -> float | None:
    """The retained quality of a trial; None if it was not measured or has no meaning."""
    value = result.metrics.get(scale.name) if scale else None
    return None if scale is None or value is None else scale.retained(value)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
