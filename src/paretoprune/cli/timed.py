"""How long an exported file takes in its engine, beside the dense model in the same run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
from torch import Tensor

from paretoprune.config import MeasureSettings
from paretoprune.graph import Contents
from paretoprune.measure import ENGINES
from paretoprune.measure.latency import batch_of
from paretoprune.measure.timing import Pass, threads_set, time_in_turn


def latencies_ms(
    engine: str, dense: Contents, pruned: Contents, inputs: Tensor, settings: MeasureSettings
) -> tuple[float, float]:
    """Medians of the dense and of the pruned file, in milliseconds a batch, timed in turn."""
    load = ENGINES[engine].load

    def loaded(batch: Tensor, threads: int) -> list[Pass]:
        return [load(each, batch, threads) for each in (dense, pruned)]

    return medians_ms(loaded, inputs, settings)


def medians_ms(
    load: Callable[[Tensor, int], Sequence[Pass]], inputs: Tensor, settings: MeasureSettings
) -> tuple[float, float]:
    """Medians of two passes, in milliseconds, timed in turn; `load(batch, threads)` gives them."""
    batch, threads = batch_of(inputs, settings.latency_batch_size), settings.latency_threads
    with threads_set(threads):
        passes = load(batch, threads)
        time_in_turn(passes, settings.latency_warmup, clock=perf_counter)
        times_ms = time_in_turn(passes, settings.latency_repeats, clock=perf_counter)
    return float(np.median(times_ms[0])), float(np.median(times_ms[1]))
