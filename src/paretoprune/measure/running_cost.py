"""Running cost of several models, measured with interleaved passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from paretoprune.measure.energy import Meter, energy_meter
from paretoprune.measure.latency.clocks import Pass, clock_for, wait
from paretoprune.measure.latency.engines import engine_named
from paretoprune.measure.latency.latency import latency_of
from paretoprune.measure.latency.timing import Times, threads_set, time_in_turn, time_until_sure
from paretoprune.measure.memory import peak_memory_bytes
from paretoprune.measure.modes import evaluation_mode
from paretoprune.number_format import BUSY
from paretoprune.results.measurements import RunningCost
from paretoprune.tasks.inputs import Example, inputs_of

DENSE = "dense"

_WARMUP = 5
_ENERGY_BLOCKS = 3
_ENERGY_MS = 300.0  # of passes in a block: counters are updated about every millisecond


def compare_running(
    models: Mapping[str, nn.Module],
    batch: Example,
    *,
    engine: str,
    threads: int,
    repeats: int,
) -> dict[str, RunningCost]:
    """Return the running cost of each model, by name. One of them is called `dense`.

    The models and `batch` are on the device. Times exclude other programs (see `clock_for`). Energy
    is that of the whole machine, so it is not reported while the machine is busy.
    """
    chosen, batch = engine_named(engine), inputs_of(batch)
    clock = clock_for(batch.device, threads, own_threads=chosen.own_threads)
    with evaluation_mode(*models.values()), threads_set(threads):
        loaded = [chosen.convert(model, batch) for model in models.values()]
        passes = [chosen.load(each, batch, threads) for each in loaded]
        time_in_turn(passes, _WARMUP, clock=clock)
        times = time_until_sure(passes, repeats, clock=clock)
        energy_mj = _energy_mj(passes, times, energy_meter(batch.device), batch.device)
        memory = peak_memory_bytes(loaded, batch, engine, threads=threads)
    dense = list(models).index(DENSE)
    return {
        name: RunningCost(
            latency=latency_of(times, index, batch_size=len(batch), dense=dense),
            peak_memory_bytes=memory[index],
            energy_mj=energy_mj[index] if energy_mj else None,
        )
        for index, name in enumerate(models)
    }


def _energy_mj(
    passes: Sequence[Pass], times: Times, meter: Meter | None, device: torch.device
) -> list[float]:
    """Return millijoules per pass of each model, the median over interleaved blocks.

    Empty if unknown.
    """
    if meter is None or (times.contention or 1.0) > BUSY:
        return []
    used: list[list[float]] = [[] for _ in passes]
    for _ in range(_ENERGY_BLOCKS):
        for index, (run, own) in enumerate(zip(passes, used, strict=True)):
            count = max(1, round(_ENERGY_MS / times.median_ms(index)))
            before = meter()
            for _ in range(count):
                run()
            wait(device)
            own.append((meter() - before) / count)
    return [float(np.median(own)) for own in used]
