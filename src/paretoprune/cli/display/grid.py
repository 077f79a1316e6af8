"""The runs of a grid (`-m`) in one table: their different settings, and their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from paretoprune.number_format import with_spread
from paretoprune.results import TrialResult
from paretoprune.storage.sweep_settings import flat
from paretoprune.sweep.run import SweepResult

Run = tuple[Mapping[str, Any], SweepResult]

_COSTS = ("macs", "params", "measured_speedup")


def print_grid(console: Console, runs: Sequence[Run]) -> None:
    """Print a row for each run, in the order of the command line."""
    configs = [flat(config) for config, _ in runs]
    names = differing(configs)
    models = [pruned_of(result.results) for _, result in runs]
    objectives = dict.fromkeys(name for _, result in runs for name in result.objectives)
    measured = [model.metrics.measured() if model else {} for model in models]
    shown = [
        name
        for name in dict.fromkeys([*objectives, *_COSTS])
        if any(name in values for values in measured)
    ]
    table = Table(header_style="bold", title="the runs of the grid")
    for heading in ("folder", *names, *shown):
        table.add_column(heading, justify="right" if heading in shown else "left", overflow="fold")
    for config, values, (_, result) in zip(configs, measured, runs, strict=True):
        cells = [with_spread(name, values) if name in values else "" for name in shown]
        table.add_row(result.folder.name, *(config.get(name, "") for name in names), *cells)
    console.print(table)


def differing(configs: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the settings that are not the same in all configs."""
    names = dict.fromkeys(name for config in configs for name in config)
    return [name for name in names if len({config.get(name) for config in configs}) > 1]


def pruned_of(results: Sequence[TrialResult]) -> TrialResult | None:
    """Return the model of a single run: the last that is complete and not the dense one."""
    complete = [one for one in results if one.state == "complete" and one.origin != "dense"]
    return complete[-1] if complete else None
