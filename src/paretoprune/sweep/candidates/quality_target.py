"""The target of a single run as a drop of the quality, met by bisection over trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paretoprune.errors import SettingsError
from paretoprune.metrics import quantity_of
from paretoprune.problem.qualities import front_quality
from paretoprune.results import Metrics
from paretoprune.retained import QualityScale, is_at_least, scale_of
from paretoprune.search.phases.quality_bisection import QualityBisection
from paretoprune.trial.context import TrialContext


def bisection(context: TrialContext, places: Sequence[Mapping[str, float]]) -> QualityBisection:
    """Return the search for the smallest of `places` within the drop that the settings allow.

    Raises:
        SettingsError: the dense model's quality, or the trivial predictor's, gives no such bound.
    """
    scale, bound, in_words = _bound(context)

    def is_within(metrics: Metrics) -> bool:
        value = metrics.quality.get(scale.name)
        return value is not None and is_at_least(value, bound, scale.direction)

    return QualityBisection(places, is_within, in_words)


def _bound(context: TrialContext) -> tuple[QualityScale, float, str]:
    """Return the scale, the worst acceptable value, and the drop in words."""
    sparsity = context.settings.sparsity
    if sparsity.accuracy_drop is not None:
        name = quantity_of("accuracy")
        scale = scale_of({name.name: name.direction}, context.dense.metrics, context.dense.trivial)
        if scale is None:
            raise SettingsError(
                ["`sparsity.accuracy_drop` is for classifiers; set `sparsity.max_drop=1%`"]
            )
        drop = sparsity.accuracy_drop
        return scale, scale.at_drop(drop), f"{drop:g} points"
    assert sparsity.max_drop is not None
    quality = front_quality(context.problem)
    scale = scale_of(
        {quality.name: quality.direction}, context.dense.metrics, context.dense.trivial
    )
    bound = scale.at_share(sparsity.max_drop) if scale else None
    if scale is None or bound is None:
        raise SettingsError(
            [
                f"`sparsity.max_drop` needs a dense model that is better in {quality.name} than "
                "the trivial predictor; train it longer (`model.train.epochs`)"
            ]
        )
    return scale, bound, f"{100 * sparsity.max_drop:g} % of the retained quality"
