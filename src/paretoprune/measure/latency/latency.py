"""Latency of one forward pass with a fixed number of threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from paretoprune.config.groups.measure import MeasureSettings
from paretoprune.measure.latency.clocks import Pass, clock_for
from paretoprune.measure.latency.timing import Times, threads_set, time_in_turn, time_until_sure
from paretoprune.measure.modes import evaluation_mode
from paretoprune.results.measurements import Latency
from paretoprune.tasks.inputs import Example, Inputs, inputs_of

_LEAST_ROUNDS, _MOST_ROUNDS = 7, 41  # of `time_models`
_ENOUGH_MS = 300.0  # per model, within these rounds


def measure_latency(
    model: nn.Module,
    example: Example,
    settings: MeasureSettings,
    *,
    device: torch.device,
    dense: nn.Module | None = None,
) -> Latency:
    """Time single forward passes of a batch made of the samples of `example`.

    With `dense`, its passes are interleaved with the model's, for the speed-up and for
    `dense_latency_ms`. The clock excludes other programs (see `clock_for`).
    """
    models = [model] if dense is None else [model, dense]
    batch = batch_of(example, settings.latency_batch_size).to(device)
    passes = [pass_of(each, batch) for each in models]
    clock = clock_for(device, settings.latency_threads)
    with evaluation_mode(*models), threads_set(settings.latency_threads), torch.inference_mode():
        time_in_turn(passes, settings.latency_warmup, clock=clock)
        times = time_until_sure(passes, settings.latency_repeats, clock=clock)
    return latency_of(times, 0, batch_size=len(batch), dense=None if dense is None else 1)


def latency_of(times: Times, index: int, *, batch_size: int, dense: int | None) -> Latency:
    """Return the latency of pass `index`, with the speed-up over pass `dense` if that was timed."""
    median_ms = times.median_ms(index)
    latency = Latency(
        latency_ms=median_ms,
        latency_p95_ms=times.p95_ms(index),
        throughput_per_s=batch_size / median_ms * 1e3,
        spread=times.spread(index),
        contention=times.contention,
    )
    if dense is None:
        return latency
    speedup = times.ratio(dense, index)
    return replace(
        latency,
        dense_latency_ms=times.median_ms(dense),
        speedup=speedup.median,
        spread=times.spread(index) if index == dense else speedup.spread,
    )


def time_models(
    models: Sequence[nn.Module], batch: Example, *, threads: int, rounds: int | None = None
) -> list[float]:
    """Return the milliseconds per pass of each model, all timed interleaved.

    Each is the median of its ratios to the first model, times the median of the first. Without
    `rounds`, fast models are timed more often than slow ones.
    """
    batch = inputs_of(batch)
    passes = [pass_of(model, batch) for model in models]
    clock = clock_for(batch.device, threads)
    with evaluation_mode(*models), threads_set(threads), torch.inference_mode():
        slowest_ms = time_in_turn(passes, 1, clock=clock).ms.max()
        rounds = rounds or min(_MOST_ROUNDS, max(_LEAST_ROUNDS, int(_ENOUGH_MS / slowest_ms)))
        times = time_in_turn(passes, rounds, clock=clock)
    first_ms = times.median_ms(0)
    return [first_ms * times.ratio(index, 0).median for index in range(len(models))]


def batch_of(example: Example, size: int) -> Inputs:
    """Repeat the samples of `example` from the start until there are `size` of them."""
    inputs = inputs_of(example)
    return inputs[torch.arange(size) % len(inputs)]


def pass_of(model: nn.Module, batch: Example) -> Pass:
    """Return one forward pass of the batch."""
    return partial(inputs_of(batch).run, model)
