"""Validation rules of a search over ranks: settings that exclude it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from paretoprune.config.targets.arguments import find_mistakes
from paretoprune.config.targets.signatures import has_trait
from paretoprune.config.variants import spelled
from paretoprune.metrics import TIMED

if TYPE_CHECKING:
    from paretoprune.config.settings import Settings


def against_ranks(settings: Settings) -> str | None:
    """Return why the rest of the settings excludes a search over ranks; None if it does not."""
    return next((why for rule in _RULES_OF_RANKS if (why := rule(settings))), None)


def predicts_latency(settings: Settings) -> bool:
    """Return True if a candidate's latency must be predicted before it is measured."""
    return bool(
        settings.sparsity.latency
        or settings.sparsity.max_latency_ms
        or (settings.search and not set(TIMED).isdisjoint(settings.search.objectives))
    )


def _ranks_have_no_slices(settings: Settings) -> str | None:
    if settings.search is None or not has_trait(settings.search.strategy, "trains_nested"):
        return None
    return (
        "`search=shared` trains networks as slices of each other's weights, which layers of "
        "other ranks are not; set `low_rank=none`"
    )


def _ranks_are_searched_like_channels(settings: Settings) -> str | None:
    granularity = settings.granularity
    if has_trait(granularity, "removes_channels"):
        return None
    if find_mistakes(granularity, setting="granularity"):
        return None
    return (
        f"`low_rank={settings.low_rank.name}` searches ranks as channels; "
        "set `granularity=channels` or `granularity=channels_depth`"
    )


def _trained_weights_are_factored(settings: Settings) -> str | None:
    if settings.retrains_from_scratch:
        return (
            f"{spelled('schedule', settings.schedule)} retrains from scratch, but "
            f"`low_rank={settings.low_rank.name}` factors trained weights; set `schedule=one_shot`"
        )
    if settings.sparse_training is not None:
        return (
            "`sparse_training` penalises channels and weights, not the ranks of "
            f"`low_rank={settings.low_rank.name}`; set `sparse_training=none`"
        )
    return None


def _latency_of_ranks_is_not_forecast(settings: Settings) -> str | None:
    if not predicts_latency(settings):
        return None
    return (
        f"the latency table does not know the ranks of `low_rank={settings.low_rank.name}`, so "
        "latency can be neither a target, a limit nor an objective; set `low_rank=none`"
    )


_RULES_OF_RANKS: tuple[Callable[[Settings], str | None], ...] = (
    _ranks_have_no_slices,
    _ranks_are_searched_like_channels,
    _trained_weights_are_factored,
    _latency_of_ranks_is_not_forecast,
)
