"""The front on the terminal: a table, a plot, and what to do next."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from paretoprune.cli.facts import pick_command
from paretoprune.cli.plot import front_plot
from paretoprune.delivery.picture import make_picture
from paretoprune.delivery.quantities import written
from paretoprune.delivery.tables import front_table, trials_table
from paretoprune.results import Direction, Metrics, TrialResult
from paretoprune.search import front_of
from paretoprune.sweep_folder import SweepFolder

_WIDEST_PLOT = 76


def dense_metrics(results: Sequence[TrialResult]) -> Metrics | None:
    """What was measured of the dense model, once its trial is on record."""
    return next((result.metrics for result in results if result.origin == "dense"), None)


def print_front(
    console: Console,
    results: Sequence[TrialResult],
    objectives: Mapping[str, Direction],
    folder: Path,
) -> None:
    """The front as a table, then where everything lies and what to do next."""
    dense = dense_metrics(results) or Metrics()
    front = front_of(results, objectives)
    trials = trials_table(results, front=front, dense=dense, objectives=objectives)
    rows = front_table(trials, objectives)
    extra = [n for n in ("macs", "params", "measured_speedup") if n not in objectives and n in rows]
    names = [*objectives, *extra]
    table = Table(header_style="bold")
    for heading in ("trial", "origin", *names, "gain over uniform"):
        table.add_column(heading, justify="left" if heading == "origin" else "right")
    for row in rows.to_dict("records"):
        values = [written(name, row[name]) if row[name] == row[name] else "" for name in names]
        gain = row["gain_over_uniform"]  # NaN, which differs from itself, where it is unknown
        told = f"{gain:+.2f}" if gain == gain else ""
        table.add_row(str(row["number"]), row["origin"], *values, told)
    console.print(table)
    if rows.shape[0]:
        picture = make_picture(results, front=front, dense=dense, objectives=objectives, title="")
        console.print(front_plot(picture, width=min(_WIDEST_PLOT, console.width)))
    _print_summary(console, results, rows.to_dict("records"), folder)


def _print_summary(
    console: Console,
    results: Sequence[TrialResult],
    rows: Sequence[Mapping[Hashable, Any]],
    folder: Path,
) -> None:
    states = [result.state for result in results]
    counts = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    console.print(f"trials: {', '.join(counts)}")
    if not rows:
        console.print(
            "The front is empty: loosen the limits under `sparsity`, or let the sweep run longer. "
            f"Everything is in {folder}"
        )
        return
    if all(row["origin"] in ("dense", "uniform") for row in rows):
        console.print(
            "No searched model beats uniform pruning here: every front member is uniform."
        )
    command = pick_command(SweepFolder(folder))
    console.print(f"everything is in {folder}; to export a model: {command}", markup=False)
