"""How long an exported file takes in its engine, beside the dense model in the same run."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from torch import Tensor

from paretoprune.config.groups.measure import MeasureSettings
from paretoprune.formats.format import Contents
from paretoprune.measure.latency.engines import ENGINES
from paretoprune.measure.latency.latency import batch_of
from paretoprune.measure.latency.timing import threads_set, time_in_turn


def latencies_ms(
    engine: str, dense: Contents, pruned: Contents, inputs: Tensor, settings: MeasureSettings
) -> tuple[float, float]:
    """Medians of the dense and of the pruned file, in milliseconds a batch, timed in turn."""
    batch, threads = batch_of(inputs, settings.latency_batch_size), settings.latency_threads
    with threads_set(threads):
        passes = [ENGINES[engine].load(each, batch, threads) for each in (dense, pruned)]
        time_in_turn(passes, settings.latency_warmup, clock=perf_counter)
        times_ms = time_in_turn(passes, settings.latency_repeats, clock=perf_counter)
    return float(np.median(times_ms[0])), float(np.median(times_ms[1]))
