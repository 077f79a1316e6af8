"""Validation rules across settings: one function per rule, returning a sentence if it
is violated."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from paretoprune.config.checks.rank_checks import against_ranks, predicts_latency
from paretoprune.config.groups.allocation import UNIFORM
from paretoprune.config.groups.compensation import AUTO as AUTO_COMPENSATION
from paretoprune.config.instantiate import build
from paretoprune.config.targets.arguments import find_mistakes
from paretoprune.config.targets.signatures import has_trait, offers
from paretoprune.config.variants import spelled
from paretoprune.errors import QuantizationError
from paretoprune.metrics import BYTES, TIMED

if TYPE_CHECKING:
    from paretoprune.config.settings import Settings

_MOST_BYTES = 200  # of the name of a folder, to which files add theirs


def _schedule_accepts_the_settings(settings: Settings) -> str | None:
    """Return the mistake that the schedule itself finds; wrong options are reported elsewhere."""
    schedule, granularity = settings.schedule, settings.granularity
    if find_mistakes(schedule, setting="schedule") or not offers(schedule, "mistake"):
        return None
    if find_mistakes(granularity, setting="granularity"):
        return None
    try:
        mistake: str | None = build(schedule).mistake(settings)
    except (TypeError, ValueError):
        return None
    return mistake


def _compensation_reads_zeros(settings: Settings) -> str | None:
    method = settings.compensation
    if method is None or not has_trait(method, "needs_zeros") or not settings.is_structured:
        return None
    return (
        f"{spelled('compensation', method)} is for single weights; with `granularity=channels`, "
        "`compensation=least_squares` does the same"
    )


def _compensation_follows_pruning(settings: Settings) -> str | None:
    method = settings.compensation
    if method is None or method == AUTO_COMPENSATION or settings.search is not None:
        return None
    if not has_trait(settings.schedule, "keeps_weights"):
        return None
    return (
        f"{spelled('compensation', method)} has no effect with "
        f"{spelled('schedule', settings.schedule)}, which removes weights that are masked already; "
        "leave `compensation` out, or set `schedule=one_shot`"
    )


def _latency_is_forecast(settings: Settings) -> str | None:
    if predicts_latency(settings) and not settings.is_structured:
        return (
            "zeros do not change the latency here, so latency can be neither a target, a limit nor "
            "an objective; set `granularity=channels`"
        )
    return None


def _sparse_training_is_of_channels(settings: Settings) -> str | None:
    phase = settings.sparse_training
    if phase is None or not has_trait(phase, "needs_channels") or settings.is_structured:
        return None
    return f"{spelled('sparse_training', phase)} needs `granularity=channels`"


def _sparse_training_of_trials_takes_place(settings: Settings) -> str | None:
    phase, schedule = settings.sparse_training, settings.schedule
    if phase is None or not has_trait(phase, "before_each_pruning"):
        return None
    if has_trait(schedule, "trains_before_pruning") or find_mistakes(schedule, setting="schedule"):
        return None
    return (
        f"{spelled('sparse_training', phase)} trains before a trial prunes, which "
        f"{spelled('schedule', schedule)} does not; set `schedule=one_shot` or `schedule=iterative`"
    )


def _targeted_weights_are_dropped(settings: Settings) -> str | None:
    phase = settings.sparse_training
    if phase is None or "targeted" not in phase.arguments or "dropout" in phase.arguments:
        return None
    if getattr(_built_sparse_training(settings), "dropout", 1):
        return None
    return (
        "`sparse_training.targeted` is the share of weights that dropout may drop; set "
        "`sparse_training.dropout`"
    )


def _dropped_weights_are_not_accumulated(settings: Settings) -> str | None:
    dropout = getattr(_built_sparse_training(settings), "dropout", 0)
    if dropout and settings.trainer.accumulate_grad_batches > 1:
        return (
            "`sparse_training.dropout` drops other weights in each batch, whose gradients cannot "
            "be added; set `trainer.accumulate_grad_batches=1`"
        )
    return None


def _built_sparse_training(settings: Settings) -> object:
    """Return the sparse training; None if there is none, or if its options are wrong."""
    phase = settings.sparse_training
    if phase is None or find_mistakes(phase, setting="sparse_training"):
        return None
    try:
        return cast(object, build(phase))
    except (TypeError, ValueError):
        return None


def _shared_weights_are_of_channels(settings: Settings) -> str | None:
    if settings.search is None or not has_trait(settings.search.strategy, "trains_nested"):
        return None
    if not settings.is_structured:
        return "`search=shared` trains networks with fewer channels; set `granularity=channels`"
    if not has_trait(settings.schedule, "prunes_once"):
        return "`search=shared` trains many networks at once; set `schedule=one_shot`"
    phase = settings.sparse_training
    if phase is not None and has_trait(phase, "before_each_pruning"):
        return (
            f"{spelled('sparse_training', phase)} prepares one pruning, but `search=shared` has "
            "many; set `sparse_training=none`"
        )
    return None


def _ranks_fit_the_rest(settings: Settings) -> str | None:
    return against_ranks(settings) if settings.low_rank.name == "spatial" else None


def _quantized_models_are_not_timed(settings: Settings) -> str | None:
    if settings.quantization is None or not predicts_latency(settings):
        return None
    return (
        "a search with `quantization` does not time quantized models, so latency can be neither a "
        "target, a limit nor an objective; set `quantization=none`, and export int8 by "
        "`pick format=onnx_int8`, which times it"
    )


def _bits_are_searched_by_bytes(settings: Settings) -> str | None:
    search, quantization = settings.search, settings.quantization
    if search is None or quantization is None:
        return None
    if find_mistakes(quantization, setting="quantization"):
        return None
    if not set(BYTES).isdisjoint(search.objectives):
        return None
    try:
        searches_bits = getattr(build(quantization), "searches_bits", False)
    except (TypeError, ValueError, QuantizationError):
        return None
    if not searches_bits:
        return None
    return (
        f"{spelled('quantization', quantization)} searches bits by the bytes of the file, which "
        "are no objective; set `+search.objectives.size_bytes=minimize`, or name the mean bits: "
        "`quantization.bits=3`"
    )


def _allocation_divides_a_target(settings: Settings) -> str | None:
    if settings.allocation == UNIFORM:
        return None
    chosen, sparsity = spelled("allocation", settings.allocation), settings.sparsity
    if settings.search is not None:
        return (
            f"{chosen} divides the target of a single run, and a search divides its sizes itself; "
            "set `search=none`, or leave `allocation` out"
        )
    if sparsity.ratio is not None or sparsity.ratios is not None:
        return (
            f"{chosen} divides a size or a drop of the quality, and `sparsity.ratio` or `ratios` "
            "names the ratio of each group; set `sparsity.macs`, or leave `allocation` out"
        )
    return None


def _objectives_are_measured(settings: Settings) -> str | None:
    if settings.search is None or settings.measure.latency:
        return None
    timed = [name for name in settings.search.objectives if name in TIMED]
    if timed:
        return (
            f"`search.objectives` names {', '.join(timed)}, which is not measured with "
            "`measure.latency=false`; set `measure.latency=true`"
        )
    return None


def _targets_are_measured(settings: Settings) -> str | None:
    if settings.measure.latency:
        return None
    if settings.sparsity.latency:
        return "`sparsity.latency` needs `measure.latency=true`"
    if settings.sparsity.max_latency_ms:
        return "`sparsity.max_latency_ms` needs `measure.latency=true`"
    return None


def _name_names_a_folder(settings: Settings) -> str | None:
    if settings.name is not None and not re.fullmatch(r"\w[\w.-]*", settings.name):
        return (
            f"`name={settings.name}` must be made of letters, digits, `_`, `-` and `.`: "
            "it names a folder in `sweeps_dir`"
        )
    if settings.name is not None and len(settings.name.encode()) > _MOST_BYTES:
        return (
            f"`name={settings.name[:20]}...` has {len(settings.name)} letters; it names a folder, "
            f"so at most {_MOST_BYTES} fit"
        )
    if settings.search and settings.name is None:
        return "a sweep needs a `name`, for example `name=my-sweep`"
    return None


RULES: tuple[Callable[[Settings], str | None], ...] = (
    _schedule_accepts_the_settings,
    _compensation_reads_zeros,
    _compensation_follows_pruning,
    _latency_is_forecast,
    _sparse_training_is_of_channels,
    _sparse_training_of_trials_takes_place,
    _targeted_weights_are_dropped,
    _dropped_weights_are_not_accumulated,
    _shared_weights_are_of_channels,
    _ranks_fit_the_rest,
    _quantized_models_are_not_timed,
    _bits_are_searched_by_bytes,
    _allocation_divides_a_target,
    _objectives_are_measured,
    _targets_are_measured,
    _name_names_a_folder,
)
