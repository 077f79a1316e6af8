"""The latency table of a task: measured on this device, checked on whole pruned models."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import Tensor, nn

from paretoprune.config import Settings
from paretoprune.measure import (
    Check,
    Forecast,
    Layer,
    calibrate,
    check,
    device_name,
    measure_table,
    time_models,
    trace_layers,
)
from paretoprune.measure.latency import batch_of
from paretoprune.outline import Outline
from paretoprune.pruning import Group, SizeModel, apply_plan, make_plan
from paretoprune.results import TIMED

WidthsOf = Callable[[Mapping[str, float]], Mapping[str, int]]

_log = logging.getLogger(__name__)

_VERSION = 3  # raised when tables are measured differently, so that cached ones are not used
_MOST = 0.9  # removed from any group of them
_TO_FIT, _TO_CHECK = 10, 8  # whole models, beside the dense one


def needs_forecast(settings: Settings) -> bool:
    """Whether anything in the settings is decided by a latency before it is measured."""
    sparsity, search = settings.sparsity, settings.search
    return (
        sparsity.latency is not None
        or sparsity.max_latency_ms is not None
        or (search is not None and not set(TIMED).isdisjoint(search.objectives))
    )


def with_forecast(task: Outline) -> Outline:
    """The task with a forecast, known or measured now, if its settings need one."""
    size = task.removable.size
    if not needs_forecast(task.settings) or not isinstance(size, SizeModel):
        return task
    batch = batch_of(task.example, task.settings.measure.latency_batch_size)
    layers = trace_layers(task.model, batch)
    forecast = task.findings.recall(
        f"latency/{digest_of(task, layers)}",
        read=lambda data: Forecast.from_json(layers, data),
        find=lambda: measure_forecast(
            task.model,
            task.groups.prunable,
            size,
            batch,
            widths_of=task.widths_of,
            step=task.settings.sparsity.divisor,
            threads=task.settings.measure.latency_threads,
        ),
    )
    _log.info(describe_check(forecast.check))
    return replace(task, forecast=forecast)


def measure_forecast(
    model: nn.Module,
    groups: Sequence[Group],
    size: SizeModel,
    batch: Tensor,
    *,
    widths_of: WidthsOf,
    step: int,
    threads: int,
) -> Forecast:
    """Time the layers, then whole models: some to calibrate the sum, others to check it.

    `widths_of` rounds ratios to widths, multiples of `step`.
    """
    started = time.perf_counter()
    layers = trace_layers(model, batch)
    table = measure_table(
        layers, set(size.sizes({})), step=step, device=batch.device, threads=threads
    )
    surveyed = time.perf_counter()
    widths = [{}, *_some_widths(groups, widths_of, _TO_FIT + _TO_CHECK)]
    parts = [table.parts(size.sizes(each), size.blocks_gone(each)) for each in widths]
    measured_ms = time_models(_whole(model, groups, widths), batch, threads=threads)
    num_fitted = 1 + _TO_FIT
    calibration = calibrate(parts[:num_fitted], measured_ms[:num_fitted])
    predicted_ms = [calibration.predict(each) for each in parts[num_fitted:]]
    _log.info(
        "latency table: %d kinds of layers timed in %.1f s, %d whole models in %.1f s",
        len(table.surfaces),
        surveyed - started,
        len(widths),
        time.perf_counter() - surveyed,
    )
    return Forecast(table, calibration, check(predicted_ms, measured_ms[num_fitted:]))


def describe_check(found: Check) -> str:
    """The check in a sentence."""
    return (
        f"latency table: on {found.num_models} whole models the error is "
        f"{found.median_error:.1%} in the median and {found.worst_error:.1%} at worst, "
        f"the rank correlation {found.rank_correlation:.3f}"
    )


def _some_widths(
    groups: Sequence[Group], widths_of: WidthsOf, count: int
) -> list[Mapping[str, int]]:
    """Uniform and uneven candidates of all sizes, in turn; the same in every run.

    Of the blocks a share goes that is drawn, since a uniform ratio takes all of them or none.
    """
    rng, blocks = np.random.default_rng(0), [bool(group.block) for group in groups]
    found = []
    for number in range(count):
        ratio = _MOST * (number + 0.5) / count
        uneven = rng.uniform(0, 2, len(groups)) if number % 2 else np.ones(len(groups))
        ratios = np.minimum(ratio * uneven, _MOST)
        if any(blocks):
            ratios = np.where(blocks, rng.random(len(groups)) < ratio, ratios)
        found.append(widths_of({g.name: r for g, r in zip(groups, ratios.tolist(), strict=True)}))
    return [found[k] for k in rng.permutation(count)]


def _whole(
    model: nn.Module, groups: Sequence[Group], widths: Sequence[Mapping[str, int]]
) -> list[nn.Module]:
    """Pruned models of these widths; which channels go does not matter for the time."""
    scores = {group.name: torch.arange(group.width, 0.0, -1) for group in groups}
    return [apply_plan(model, groups, make_plan(groups, scores, each)) for each in widths]


def digest_of(task: Outline, layers: Sequence[Layer]) -> str:
    """A name for all that decides what a table says."""
    measure = task.settings.measure
    content = {
        "version": _VERSION,
        "device": device_name(task.device),
        "torch": torch.__version__,
        "threads": measure.latency_threads,
        "batch": measure.latency_batch_size,
        "layers": [asdict(layer) for layer in layers],
        "groups": task.groups.to_json(),
        "step": task.settings.sparsity.divisor,
    }
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
