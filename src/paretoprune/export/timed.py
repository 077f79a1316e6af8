"""Latency of an exported file in its engine, beside another one in the same run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paretoprune.config.groups.measure import MeasureSettings
from paretoprune.formats.format import Contents
from paretoprune.measure.latency.clocks import Pass, clock_for
from paretoprune.measure.latency.engines import engine_named
from paretoprune.measure.latency.latency import batch_of, latency_of
from paretoprune.measure.latency.timing import threads_set, time_in_turn, time_until_sure
from paretoprune.results.measurements import Latency
from paretoprune.tasks.inputs import Example, Inputs


def latency_in(
    engine: str, dense: Contents, pruned: Contents, inputs: Example, settings: MeasureSettings
) -> Latency:
    """The latency of the pruned file, its passes timed in turn with those of the dense one."""

    def load(batch: Inputs, threads: int) -> list[Pass]:
        return [engine_named(engine).load(each, batch, threads) for each in (pruned, dense)]

    return latency_of_passes(engine, load, inputs, settings)


def latency_of_passes(
    engine: str,
    load: Callable[[Inputs, int], Sequence[Pass]],
    inputs: Example,
    settings: MeasureSettings,
) -> Latency:
    """The latency of the first of two passes of an engine, timed in turn with the second.

    `load(batch, threads)` gives the passes.
    """
    batch, threads = batch_of(inputs, settings.latency_batch_size), settings.latency_threads
    clock = clock_for(batch.device, threads, own_threads=engine_named(engine).own_threads)
    with threads_set(threads):
        passes = load(batch, threads)
        time_in_turn(passes, settings.latency_warmup, clock=clock)
        times = time_until_sure(passes, settings.latency_repeats, clock=clock)
    return latency_of(times, 0, batch_size=len(batch), dense=1)
