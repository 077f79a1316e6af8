"""How long an exported file takes in its engine, beside the dense model in the same run."""

from __future__ import annotations

from torch import Tensor

from paretoprune.config import MeasureSettings
from paretoprune.graph import Contents
from paretoprune.measure import ENGINES
from paretoprune.measure.clocks import clock_for
from paretoprune.measure.latency import batch_of, latency_of
from paretoprune.measure.timing import threads_set, time_in_turn, time_until_sure
from paretoprune.results import Latency


def latency_in(
    engine: str, dense: Contents, pruned: Contents, inputs: Tensor, settings: MeasureSettings
) -> Latency:
    """The latency of the pruned file, its passes timed in turn with those of the dense one."""
    batch, threads = batch_of(inputs, settings.latency_batch_size), settings.latency_threads
    clock = clock_for(batch.device, threads, own_threads=ENGINES[engine].own_threads)
    with threads_set(threads):
        passes = [ENGINES[engine].load(each, batch, threads) for each in (pruned, dense)]
        time_in_turn(passes, settings.latency_warmup, clock=clock)
        times = time_until_sure(passes, settings.latency_repeats, clock=clock)
    return latency_of(times, 0, batch_size=len(batch), dense=1)
