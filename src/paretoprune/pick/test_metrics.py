"""What a pick measures: validation again, and the test part once, never to choose by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from paretoprune.errors import PickError
from paretoprune.export.folder import WEIGHTS
from paretoprune.measure.confidence_interval import paired_interval, wilson_interval
from paretoprune.measure.prediction_agreement import compare_predictions
from paretoprune.measure.quality import Predictions, measure_quality, predict, quality_of
from paretoprune.pick.card.tested import FinalFigures
from paretoprune.problem.problem import Problem
from paretoprune.results import Comparison, Metrics, Repeat
from paretoprune.storage.atomic import read_json
from paretoprune.tasks.classification import Classification


def predict_test(problem: Problem, model: nn.Module) -> Predictions:
    """What a model says of the test part."""
    return predict(
        _classifying(problem),
        model,
        problem.data.test_dataloader(),
        num_classes=problem.info.num_classes,
        device=problem.device,
    )


def _classifying(problem: Problem) -> Classification:
    """The task of a classifier: others cannot be picked yet. Raises PickError for them."""
    if not isinstance(problem.task, Classification):
        raise PickError(
            f"`pick` exports classifiers so far, and the task is {type(problem.task).__name__}"
        )
    return problem.task


def validation_quality(problem: Problem, model: nn.Module) -> float:
    """The task's first quality of a model on the validation part."""
    task, loader = problem.task, problem.data.val_dataloader()
    found = measure_quality(task, model, loader, device=problem.device)
    return found[task.qualities[0].name]


def tested_once(problem: Problem, model: nn.Module, dense: Predictions) -> FinalFigures:
    """The test figures of a pruned model beside those of the dense one."""
    pruned = predict_test(problem, model)
    metrics = {name: metrics_of(found) for name, found in (("p", pruned), ("d", dense))}
    return FinalFigures(
        pruned=metrics["p"],
        dense=metrics["d"],
        interval=_interval(metrics["p"], pruned),
        dense_interval=_interval(metrics["d"], dense),
        comparison=compare_predictions(dense, pruned),
        over_trivial=_over_trivial(pruned),
    )


def _over_trivial(predictions: Predictions) -> tuple[float, float]:
    """By how much a classifier is better than the most frequent class, in percentage points."""
    labels = predictions.labels
    right = predictions.logits.argmax(1) == labels
    trivial = labels == labels.mode().values
    return paired_interval(100.0 * (right.float() - trivial.float()))


def tested_before(earlier: Path, draft: Path) -> FinalFigures | None:
    """The figures of an earlier export of the very same weights; None if there is none."""
    try:
        return _from_json(_metrics_before(earlier, draft)["test"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def repeats_before(earlier: Path, draft: Path) -> list[Repeat]:
    """The repetitions that are on record with an earlier export of the very same weights."""
    try:
        return [Repeat(**repeat) for repeat in _metrics_before(earlier, draft)["repeats"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _metrics_before(earlier: Path, draft: Path) -> Any:
    """The `metrics.json` of an earlier export. Raises ValueError if its weights are others."""
    if (earlier / WEIGHTS).read_bytes() != (draft / WEIGHTS).read_bytes():
        raise ValueError("these are other weights")
    return read_json(earlier / "metrics.json")


def tested_json(tested: FinalFigures) -> dict[str, Any]:
    """What `metrics.json` holds of the test; `tested_before` reads it."""
    return {
        "pruned": tested.pruned.measured(),
        "dense": tested.dense.measured(),
        "interval": tested.interval and list(tested.interval),
        "dense_interval": tested.dense_interval and list(tested.dense_interval),
        "comparison": tested.comparison and asdict(tested.comparison),
        "quality": tested.quality,
        "over_trivial": tested.over_trivial and list(tested.over_trivial),
    }


def metrics_of(predictions: Predictions) -> Metrics:
    """The quality as metrics."""
    return Metrics(quality_of(predictions))


def _from_json(data: Mapping[str, Any]) -> FinalFigures:
    comparison = data["comparison"] and {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in data["comparison"].items()
    }
    return FinalFigures(
        pruned=Metrics.from_json(data["pruned"]),
        dense=Metrics.from_json(data["dense"]),
        interval=_ends(data["interval"]),
        dense_interval=_ends(data["dense_interval"]),
        comparison=Comparison(**comparison) if comparison else None,
        quality=data.get("quality", "accuracy"),
        over_trivial=_ends(data.get("over_trivial")),
    )


def _ends(interval: list[float] | None) -> tuple[float, float] | None:
    return (interval[0], interval[1]) if interval else None


def _interval(metrics: Metrics, predictions: Predictions) -> tuple[float, float]:
    return wilson_interval(metrics.quality["accuracy"], len(predictions.labels))
