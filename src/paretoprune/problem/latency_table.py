"""The latency table of a problem: measured on this device, validated on whole pruned models."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import nn

from paretoprune.config.settings import Settings
from paretoprune.measure.device import device_name
from paretoprune.measure.latency.calibration import Check, calibrate, check
from paretoprune.measure.latency.forecast import Forecast
from paretoprune.measure.latency.latency import batch_of, time_models
from paretoprune.measure.latency.layers import Layer, trace_layers
from paretoprune.measure.latency.table import measure_table
from paretoprune.metrics import TIMED
from paretoprune.problem.fingerprint import for_times
from paretoprune.problem.problem import Problem
from paretoprune.pruning.groups import Group
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.plan import make_plan
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.storage.fingerprint import Fingerprint, digest_json
from paretoprune.storage.source_code import own_version
from paretoprune.tasks.inputs import Inputs

WidthsOf = Callable[[Mapping[str, float]], Mapping[str, int]]

_log = logging.getLogger(__name__)

_MOST = 0.9  # maximum ratio removed from any group of these models
_TO_FIT, _TO_CHECK = 10, 8  # number of whole models, besides the dense one


def needs_forecast(settings: Settings) -> bool:
    """Return True if any setting requires a latency before it can be measured."""
    sparsity, search = settings.sparsity, settings.search
    return (
        sparsity.latency is not None
        or sparsity.max_latency_ms is not None
        or (search is not None and not set(TIMED).isdisjoint(search.objectives))
    )


def with_forecast(problem: Problem) -> Problem:
    """Return the problem with a latency table, cached or measured now, if its settings need one."""
    settings, size = problem.settings, problem.space.size
    if not needs_forecast(settings) or not isinstance(size, SizeModel):
        return problem
    measure = settings.measure
    batch = batch_of(problem.example, measure.latency_batch_size)
    layers = trace_layers(problem.model, batch)
    forecast = problem.disk.get_or_compute(
        "latency",
        fingerprint_of(problem, layers),
        read=lambda data: Forecast.from_json(layers, data),
        find=lambda: measure_forecast(
            problem.model,
            problem.groups.prunable,
            size,
            batch,
            widths_of=problem.costs.widths_of,
            step=settings.sparsity.divisor,
            threads=measure.latency_threads,
        ),
    )
    _log.info(describe_check(forecast.check))
    return replace(problem, costs=replace(problem.costs, forecast=forecast))


def measure_forecast(
    model: nn.Module,
    groups: Sequence[Group],
    size: SizeModel,
    batch: Inputs,
    *,
    widths_of: WidthsOf,
    step: int,
    threads: int,
) -> Forecast:
    """Time the layers, then whole models: some to calibrate the sum, others to validate it.

    `widths_of` rounds ratios to widths, multiples of `step`. Latencies are in milliseconds.
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
    """Return a sentence with the errors found by the validation."""
    return (
        f"latency table: on {found.num_models} whole models the error is "
        f"{found.median_error:.1%} in the median and {found.worst_error:.1%} at worst, "
        f"the rank correlation {found.rank_correlation:.3f}"
    )


def _some_widths(
    groups: Sequence[Group], widths_of: WidthsOf, count: int
) -> list[Mapping[str, int]]:
    """Return alternately uniform and uneven candidates of all sizes, the same in every run.

    A random share of the blocks is removed, since a uniform ratio removes all of them or none.
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
    """Return pruned models of these widths; the choice of channels does not affect the time."""
    scores = {group.name: torch.arange(group.width, 0.0, -1) for group in groups}
    return [apply_plan(model, groups, make_plan(groups, scores, each)) for each in widths]


def fingerprint_of(problem: Problem, layers: Sequence[Layer]) -> Fingerprint:
    """Return the fingerprint of everything that determines a table."""
    measure, sparsity = problem.settings.measure, problem.settings.sparsity
    return for_times(problem.fingerprint).extended(
        settings={
            "device": device_name(problem.device),
            "threads": str(measure.latency_threads),
            "batch": str(measure.latency_batch_size),
            "step": str(sparsity.divisor),
        },
        network={
            "layers": digest_json([asdict(layer) for layer in layers]),
            "groups": digest_json(problem.groups.to_json()),
        },
        versions=own_version(__name__),
    )
