"""What a pick measures: validation again, and the test part once, never to choose by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from paretoprune.export.folder import WEIGHTS
from paretoprune.measure.confidence_interval import wilson_interval
from paretoprune.measure.prediction_agreement import compare_predictions
from paretoprune.measure.quality import Predictions, predict, quality_of
from paretoprune.pick.card.tested import FinalFigures
from paretoprune.problem.problem import Problem
from paretoprune.results import Comparison, Metrics, Repeat
from paretoprune.storage.atomic import read_json


def predict_test(problem: Problem, model: nn.Module) -> Predictions:
    """What a model says of the test part."""
    return predict(
        model,
        problem.data.test_dataloader(),
        num_classes=problem.info.num_classes,
        device=problem.device,
    )


def validation_accuracy(problem: Problem, model: nn.Module) -> float:
    """Percent of the validation part that a model is right on."""
    loader, num_classes = problem.data.val_dataloader(), problem.info.num_classes
    found = quality_of(predict(model, loader, num_classes=num_classes, device=problem.device))
    return found["accuracy"]


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
    )


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
        "interval": list(tested.interval),
        "dense_interval": list(tested.dense_interval),
        "comparison": asdict(tested.comparison),
    }


def metrics_of(predictions: Predictions) -> Metrics:
    """The quality as metrics."""
    return Metrics(quality_of(predictions))


def _from_json(data: Mapping[str, Any]) -> FinalFigures:
    comparison: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in data["comparison"].items()
    }
    low, high = data["interval"]
    dense_low, dense_high = data["dense_interval"]
    return FinalFigures(
        pruned=Metrics.from_json(data["pruned"]),
        dense=Metrics.from_json(data["dense"]),
        interval=(low, high),
        dense_interval=(dense_low, dense_high),
        comparison=Comparison(**comparison),
    )


def _interval(metrics: Metrics, predictions: Predictions) -> tuple[float, float]:
    return wilson_interval(metrics.quality["accuracy"], len(predictions.labels))
