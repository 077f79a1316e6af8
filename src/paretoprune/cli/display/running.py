"""The running costs of models as a table on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from paretoprune.metrics import busy_sentence, written
from paretoprune.pick.running import RunningTable
from paretoprune.results.measurements import RunningCost

_MIB = 2**20
_NO_ENERGY = "energy: this machine has no counter that may be read"
_NO_ENERGY_BUSY = "energy: not measured, since a counter would include what other programs use"


def print_running(console: Console, found: RunningTable) -> None:
    """Print a row for each model."""
    table = Table(title=f"{found.device}, batch {found.batch}, {found.engine}")
    for heading in (
        "model",
        "p50",
        "p95",
        "samples/s",
        "speed-up",
        "spread",
        "peak MiB",
        "mJ a pass",
    ):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for name, cost in found.costs.items():
        table.add_row(name, *_row(cost))
    console.print(table)
    busy = busy_sentence(cost.latency.contention for cost in found.costs.values())
    if busy:
        console.print(busy, highlight=False)
    if all(cost.energy_mj is None for cost in found.costs.values()):
        console.print(_NO_ENERGY_BUSY if busy else _NO_ENERGY, highlight=False)


def _row(cost: RunningCost) -> list[str]:
    latency, memory, energy = cost.latency, cost.peak_memory_bytes, cost.energy_mj
    assert latency.speedup is not None
    times = {
        "latency_ms": latency.latency_ms,
        "latency_p95_ms": latency.latency_p95_ms,
        "throughput_per_s": latency.throughput_per_s,
        "measured_speedup": latency.speedup,
    }
    return [
        *(written(name, value, spread=latency.spread) for name, value in times.items()),
        written("time_spread", latency.spread),
        "none" if memory is None else f"{memory / _MIB:.1f}",
        "none" if energy is None else f"{energy:.3g}",
    ]
