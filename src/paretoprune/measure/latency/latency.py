"""How long one forward pass takes, measured with a fixed number of threads."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from paretoprune.config.groups.measure import MeasureSettings
from paretoprune.measure.latency.timing import Pass, clock_for, threads_set, time_in_turn, wait
from paretoprune.measure.modes import evaluation_mode
from paretoprune.results import Latency

_LEAST_ROUNDS, _MOST_ROUNDS = 7, 41  # of `time_models`
_ENOUGH_MS = 300.0  # for one model, within these rounds


def measure_latency(
    model: nn.Module,
    example: Tensor,
    settings: MeasureSettings,
    *,
    device: torch.device,
    dense: nn.Module | None = None,
) -> Latency:
    """Time single forward passes of a batch made of the samples of `example`, shape (N, ...).

    With `dense`, its passes are timed in turn with the model's, so that both see the same
    weather on the machine, and `dense_latency_ms` is comparable with `latency_ms`.
    """
    models = [model] if dense is None else [dense, model]
    batch = batch_of(example, settings.latency_batch_size).to(device)
    passes = [pass_of(each, batch) for each in models]
    with evaluation_mode(*models), threads_set(settings.latency_threads), torch.inference_mode():
        time_in_turn(passes, settings.latency_warmup, clock=perf_counter)
        times_ms = time_in_turn(passes, settings.latency_repeats, clock=perf_counter)
    median_ms = float(np.median(times_ms[-1]))
    return Latency(
        latency_ms=median_ms,
        latency_p95_ms=float(np.percentile(times_ms[-1], 95)),
        throughput_per_s=len(batch) / median_ms * 1e3,
        dense_latency_ms=None if dense is None else float(np.median(times_ms[0])),
    )


def time_models(
    models: Sequence[nn.Module], batch: Tensor, *, threads: int, rounds: int | None = None
) -> list[float]:
    """Milliseconds that a pass of each model takes, in the median, all timed in turn.

    With one thread on a CPU the time that others take from it is not counted. Without `rounds`,
    quick models are timed more often than slow ones.
    """
    passes = [pass_of(model, batch) for model in models]
    clock = clock_for(batch.device, threads)
    with evaluation_mode(*models), threads_set(threads), torch.inference_mode():
        slowest_ms = max(times[-1] for times in time_in_turn(passes, 1, clock=clock))
        rounds = rounds or min(_MOST_ROUNDS, max(_LEAST_ROUNDS, int(_ENOUGH_MS / slowest_ms)))
        times_ms = time_in_turn(passes, rounds, clock=clock)
    return [float(np.median(times)) for times in times_ms]


def batch_of(example: Tensor, size: int) -> Tensor:
    """The samples of `example`, repeated from the start until there are `size` of them."""
    return example[torch.arange(size, device=example.device) % len(example)]


def pass_of(model: nn.Module, batch: Tensor) -> Pass:
    """One forward pass, done when it returns."""
    wait(batch.device)

    def run() -> None:
        model(batch)
        wait(batch.device)

    return run
