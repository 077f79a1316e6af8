"""The running costs of models as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from paretoprune.cli.display.fitting import fitting_table
from paretoprune.number_format import busy_sentence, written
from paretoprune.pick.running import RunningTable
from paretoprune.results.measurements import RunningCost

_MIB = 2**20
_OPTIONAL = ("spread", "p95", "samples/s", "peak MiB", "mJ a pass")  # the last are left out first
_NO_ENERGY = "energy: this machine has no counter that may be read"
_NO_ENERGY_BUSY = "energy: not measured, since a counter would include what other programs use"


def print_running(console: Console, found: RunningTable) -> None:
    """Print a row for each model."""
    rows = {name: _row(cost) for name, cost in found.costs.items()}
    measured = [name for name in _OPTIONAL if any(name in row for row in rows.values())]

    def make(optional: Sequence[str]) -> Table:
        table = Table(title=f"{found.device}, batch {found.batch}, {found.engine}")
        table.add_column("model", no_wrap=True)
        shown = ["p50", "speed-up", *optional]
        for heading in shown:
            table.add_column(heading, justify="right", no_wrap=True)
        for name, row in rows.items():
            table.add_row(name, *(row.get(heading, "none") for heading in shown))
        return table

    console.print(fitting_table(console, make, measured))
    busy = busy_sentence(cost.latency.contention for cost in found.costs.values())
    if busy:
        console.print(busy, highlight=False)
    if all(cost.energy_mj is None for cost in found.costs.values()):
        console.print(_NO_ENERGY_BUSY if busy else _NO_ENERGY, highlight=False)


def _row(cost: RunningCost) -> dict[str, str]:
    """Return the measured values by the heading of their columns."""
    latency, memory, energy = cost.latency, cost.peak_memory_bytes, cost.energy_mj
    assert latency.speedup is not None
    times = {
        "p50": ("latency_ms", latency.latency_ms),
        "speed-up": ("measured_speedup", latency.speedup),
        "p95": ("latency_p95_ms", latency.latency_p95_ms),
        "samples/s": ("throughput_per_s", latency.throughput_per_s),
    }
    return {
        **{
            heading: written(name, value, spread=latency.spread)
            for heading, (name, value) in times.items()
        },
        "spread": written("time_spread", latency.spread),
        **({} if memory is None else {"peak MiB": f"{memory / _MIB:.1f}"}),
        **({} if energy is None else {"mJ a pass": f"{energy:.3g}"}),
    }
