"""Measurements of a pick: validation again, and the test part once, after the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from paretoprune.data.data_info import loaders_of
from paretoprune.export.folder import WEIGHTS
from paretoprune.measure.confidence_interval import bootstrap_interval, wilson_interval
from paretoprune.measure.prediction_agreement import compare_predictions
from paretoprune.measure.quality import (
    Predictions,
    measure_quality,
    metered,
    predict,
)
from paretoprune.pick.card.tested import FinalFigures
from paretoprune.problem.task_data import TaskData
from paretoprune.results import Metrics
from paretoprune.results.exported import Repeat
from paretoprune.results.measurements import Comparison
from paretoprune.storage.atomic import read_json
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.interface import Task


@dataclass(frozen=True)
class TestResult:
    """The qualities and the scores of single samples of a model on the test part."""

    quality: Mapping[str, float]
    scores: Tensor | None  # (N,), of samples, as `Meter.per_sample` gives them
    predictions: Predictions | None  # of a classifier

    __test__ = False  # no test of pytest's


def measure_test(data: TaskData, model: nn.Module) -> TestResult:
    """Run a model over the test part; its qualities are those that the task measures."""
    task, loader, device = data.task, data.test_dataloader(), data.device
    if not isinstance(task, Classification):
        meter = metered(task, model, loader, device=device)
        return TestResult(meter.compute(), meter.per_sample(), None)
    found = predict(task, model, loader, num_classes=data.info.num_classes, device=device)
    quality = measure_quality(task, model, loader, device=device)
    is_accuracy = task.qualities[0].name == "accuracy"
    return TestResult(quality, 100.0 * found.is_right.float() if is_accuracy else None, found)


def validation_quality(data: TaskData, model: nn.Module) -> float:
    """Return the task's first quality of a model on the validation part."""
    task, loader = data.task, data.val_dataloader()
    found = measure_quality(task, model, loader, device=data.device)
    return found[task.qualities[0].name]


def tested_once(
    data: TaskData, model: nn.Module, dense: TestResult, *, trivial: Mapping[str, float]
) -> FinalFigures:
    """The test figures of a pruned model beside those of the dense one.

    `trivial` are the qualities of the trivial predictor on validation data.
    """
    pruned, first = measure_test(data, model), data.task.qualities[0]
    comparison = None
    if dense.predictions is not None and pruned.predictions is not None:
        comparison = compare_predictions(dense.predictions, pruned.predictions)
    return FinalFigures(
        pruned=Metrics(pruned.quality),
        dense=Metrics(dense.quality),
        interval=_interval(data.task, pruned),
        dense_interval=_interval(data.task, dense),
        comparison=comparison,
        quality=first.name,
        over_trivial=_over_trivial(data, pruned, trivial.get(first.name)),
    )


def _over_trivial(
    data: TaskData, found: TestResult, trivial: float | None
) -> tuple[float, float] | None:
    """By how much the first quality is better than the trivial predictor's; None if unknown.

    Where the task does not give that predictor's scores of samples, its quality is taken to be the
    same for all of them.
    """
    if found.scores is None:
        return None
    task, loaders = data.task, loaders_of(data.module)
    apart = task.trivial_scores(loaders["train"] or (), loaders["test"] or ())
    if apart is None and trivial is None:
        return None
    return gain_interval(task, found.scores, trivial or 0.0 if apart is None else apart)


def gain_interval(task: Task, scores: Tensor, trivial: Tensor | float) -> tuple[float, float]:
    """Return the 95 % interval of the gain of the first quality over the trivial predictor.

    `scores` (N,) and `trivial`, of the same samples or one quality for all of them, are as
    `Meter.per_sample` gives them. The gain is above 0 for a model that is better.
    """
    own, sign = scores.cpu().double(), 1.0
    if task.qualities[0].direction == "minimize":
        sign = -1.0

    def gain(drawn: Tensor) -> Tensor:
        quality = task.from_scores(own[drawn])
        if isinstance(trivial, Tensor):
            return sign * (quality - task.from_scores(trivial.cpu().double()[drawn]))
        return sign * (quality - trivial)

    return bootstrap_interval(gain, len(own))


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
    """Return the test's part of `metrics.json`, which `tested_before` reads."""
    return {
        "pruned": tested.pruned.measured(),
        "dense": tested.dense.measured(),
        "interval": tested.interval and list(tested.interval),
        "dense_interval": tested.dense_interval and list(tested.dense_interval),
        "comparison": tested.comparison and asdict(tested.comparison),
        "quality": tested.quality,
        "over_trivial": tested.over_trivial and list(tested.over_trivial),
    }


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


def _interval(task: Task, found: TestResult) -> tuple[float, float] | None:
    if found.scores is None:
        return None
    name, scores = task.qualities[0].name, found.scores.cpu().double()
    if name == "accuracy":
        return wilson_interval(found.quality[name], len(scores))
    return bootstrap_interval(lambda drawn: task.from_scores(scores[drawn]), len(scores))
