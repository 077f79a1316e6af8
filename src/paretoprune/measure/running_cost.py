"""What running several models costs, all of them measured in turn in one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np
from torch import Tensor, nn

from paretoprune.measure.energy import Meter, energy_meter
from paretoprune.measure.latency.engines import ENGINES
from paretoprune.measure.latency.timing import Pass, threads_set, time_in_turn
from paretoprune.measure.memory import peak_memory_bytes
from paretoprune.measure.modes import evaluation_mode
from paretoprune.results import Latency, RunningCost

DENSE = "dense"

_WARMUP = 5
_ENERGY_BLOCKS = 3
_ENERGY_MS = 300.0  # of passes in a block: the counters are renewed about once in a millisecond


def compare_running(
    models: Mapping[str, nn.Module],
    batch: Tensor,
    *,
    engine: str,
    threads: int,
    repeats: int,
) -> dict[str, RunningCost]:
    """The running cost of each model, by name. One of them is called `dense`.

    The models and `batch` are on the device. Times are those of the clock on the wall.
    """
    chosen = ENGINES[engine]
    with evaluation_mode(*models.values()), threads_set(threads):
        loaded = [chosen.convert(model, batch) for model in models.values()]
        passes = [chosen.load(each, batch, threads) for each in loaded]
        time_in_turn(passes, _WARMUP, clock=perf_counter)
        times_ms = dict(zip(models, time_in_turn(passes, repeats, clock=perf_counter), strict=True))
        meter = energy_meter(batch.device)
        energy_mj = _energy_mj(passes, list(times_ms.values()), meter) if meter else []
        memory = peak_memory_bytes(loaded, batch, engine, threads=threads)
    return {
        name: RunningCost(
            latency=_latency(times_ms[name], times_ms[DENSE], len(batch)),
            peak_memory_bytes=memory[index],
            energy_mj=energy_mj[index] if energy_mj else None,
        )
        for index, name in enumerate(models)
    }


def _latency(times_ms: Sequence[float], dense_ms: Sequence[float], batch_size: int) -> Latency:
    median_ms = float(np.median(times_ms))
    return Latency(
        latency_ms=median_ms,
        latency_p95_ms=float(np.percentile(times_ms, 95)),
        throughput_per_s=batch_size / median_ms * 1e3,
        dense_latency_ms=float(np.median(dense_ms)),
    )


def _energy_mj(
    passes: Sequence[Pass], times_ms: Sequence[Sequence[float]], meter: Meter
) -> list[float]:
    """Millijoules of one pass of each, in the median of blocks that take turns."""
    used: list[list[float]] = [[] for _ in passes]
    for _ in range(_ENERGY_BLOCKS):
        for run, times, own in zip(passes, times_ms, used, strict=True):
            count = max(1, round(_ENERGY_MS / float(np.median(times))))
            before = meter()
            for _ in range(count):
                run()
            own.append((meter() - before) / count)
    return [float(np.median(own)) for own in used]
