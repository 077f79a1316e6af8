"""Warnings about the dense model before the search: too good, too bad, or trivial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from lightning.pytorch.utilities.seed import isolate_rng

from paretoprune.config.settings import Settings
from paretoprune.number_format import written
from paretoprune.problem.problem import Problem
from paretoprune.problem.qualities import front_quality
from paretoprune.problem.task_data import TaskData
from paretoprune.results import Metrics
from paretoprune.retained import QualityScale, is_at_least, scale_of
from paretoprune.tasks.inputs import unkeyed

_MOST_BATCHES = 1000  # of each part that the trivial predictor is made from and measured on
_SUSPICIOUS = 1.0  # percentage points of validation accuracy above the published one


def trivial_qualities(data: TaskData) -> Mapping[str, float]:
    """Return the qualities of the trivial predictor on the validation data; empty if unknown."""
    loaders = data.train_dataloader(), data.val_dataloader()
    with isolate_rng(include_cuda=False):  # a user's loader may shuffle
        train, validation = (map(unkeyed, islice(loader, _MOST_BATCHES)) for loader in loaders)
        return data.task.trivial(train, validation) or {}


def cautions(problem: Problem, dense: Metrics, trivial: Mapping[str, float]) -> Iterator[str]:
    """Yield a sentence for each reason to doubt the dense model."""
    quality = front_quality(problem)
    scale = scale_of({quality.name: quality.direction}, dense, trivial)
    found = (
        _flattered(problem.settings, dense),
        scale and _too_bad(problem.settings, scale),
        scale and _no_better_than_trivial(scale),
    )
    yield from (sentence for sentence in found if sentence)


def _flattered(settings: Settings, dense: Metrics) -> str | None:
    published, found = settings.model.published_accuracy, dense.quality.get("accuracy")
    if published is None or found is None or found <= published + _SUSPICIOUS:
        return None
    return (
        f"the dense model reaches {found:.1f} % on the validation data, {found - published:.1f} "
        f"points above the published {published:.1f} %: it has probably seen these samples, which "
        "flatters models that are barely pruned; set `data.validation_from=test`"
    )


def _too_bad(settings: Settings, scale: QualityScale) -> str | None:
    """Only a warning: a pruned model may be slightly better than the dense one."""
    sparsity = settings.sparsity
    bounds = {"min_quality": sparsity.min_quality}
    if scale.name == "accuracy":
        bounds["min_accuracy"] = sparsity.min_accuracy
    for setting, bound in bounds.items():
        if bound is not None and not is_at_least(scale.dense, bound, scale.direction):
            return (
                f"the dense model reaches {scale.written(scale.dense)} on the validation data, "
                f"worse than `sparsity.{setting}={bound:g}`: only models that become better than "
                "it can meet that"
            )
    return None


def _no_better_than_trivial(scale: QualityScale) -> str | None:
    if scale.trivial is None or scale.is_usable:
        return None
    dense, trivial = (written(scale.name, value) for value in (scale.dense, scale.trivial))
    return (
        f"the dense model reaches {scale.name} {dense} on the validation data, no better than the "
        f"trivial predictor, which ignores the input ({trivial}): results of pruning are "
        "meaningless; train it longer (`model.train.epochs`), or check data, labels, normalisation "
        "and weights"
    )
