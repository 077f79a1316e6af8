"""How long one forward pass takes, measured with a fixed number of threads."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from paretoprune.config import MeasureSettings
from paretoprune.measure.modes import evaluation_mode
from paretoprune.results import Latency


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
    batch = _batch_of(example, settings.latency_batch_size).to(device)
    with evaluation_mode(*models), _threads(settings.latency_threads), torch.inference_mode():
        _time_in_turn(models, batch, settings.latency_warmup)
        times_ms = _time_in_turn(models, batch, settings.latency_repeats)
    median_ms = float(np.median(times_ms[-1]))
    return Latency(
        latency_ms=median_ms,
        latency_p95_ms=float(np.percentile(times_ms[-1], 95)),
        throughput_per_s=len(batch) / median_ms * 1e3,
        dense_latency_ms=None if dense is None else float(np.median(times_ms[0])),
    )


def _batch_of(example: Tensor, size: int) -> Tensor:
    """The samples of `example`, repeated from the start until there are `size` of them."""
    return example[torch.arange(size, device=example.device) % len(example)]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _time_in_turn(models: list[nn.Module], batch: Tensor, rounds: int) -> list[list[float]]:
    """Milliseconds of `rounds` passes of each model, a pass of each model per round."""
    times_ms: list[list[float]] = [[] for _ in models]
    with _no_garbage_collection():
        for _ in range(rounds):
            for model, times in zip(models, times_ms, strict=True):
                times.append(_time_once(model, batch))
    return times_ms


def _time_once(model: nn.Module, batch: Tensor) -> float:
    _wait(batch.device)
    start = perf_counter()
    model(batch)
    _wait(batch.device)
    return (perf_counter() - start) * 1e3


def _wait(device: torch.device) -> None:
    """Until the device has done all that was asked of it: work on a GPU runs on its own."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A collection in the middle of a pass would be counted as the model's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
