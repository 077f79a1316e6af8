"""The front as people see it: rewritten files while a sweep runs, and the table at its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.table import Table

from paretoprune.cli.facts import facts_of
from paretoprune.delivery import SweepFacts, write_report, write_tables
from paretoprune.delivery.quantities import written
from paretoprune.delivery.report import write_front_png
from paretoprune.delivery.tables import front_table, trials_table
from paretoprune.results import Direction, Metrics, TrialResult
from paretoprune.search import front_of
from paretoprune.sweep_folder import SweepFolder

_log = logging.getLogger(__name__)

_SHARE_FOR_TABLES = 0.01  # of the running time; those of a long sweep take a moment to write


class Tables:
    """A watcher that keeps the sweep's tables and pages up to date, and draws at the end."""

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._results: Sequence[TrialResult] = ()
        self._started = time.perf_counter()
        self._spent = 0.0

    def __enter__(self) -> Tables:
        return self

    def begun(self, results: Sequence[TrialResult]) -> None:
        """The sweep starts, or goes on."""
        self._results = results

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """One trial more: all is rewritten unless that would slow the sweep down."""
        self._results = results
        begun = time.perf_counter()
        if self._spent <= _SHARE_FOR_TABLES * (begun - self._started):
            write_views(self._folder, self._results)
            self._spent += time.perf_counter() - begun

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        facts = write_views(self._folder, self._results)
        if facts:
            write_front_png(self._folder.path, facts)


def write_views(folder: SweepFolder, results: Sequence[TrialResult]) -> SweepFacts | None:
    """The tables and the pages of a sweep; None, and nothing, before the dense model is measured."""
    facts = facts_of(folder, results)
    if facts.dense is None:
        return None
    write_tables(
        folder.path,
        results,
        front=facts.front,
        dense=facts.dense.metrics,
        objectives=facts.objectives,
    )
    write_report(folder.path, facts)
    return facts


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
    searched = [row for row in rows if row["origin"] not in ("dense", "uniform")]
    if not searched:
        console.print(
            "No searched model beats uniform pruning here: every front member is uniform."
        )
    console.print(f"everything is in {folder}; to export a model: python -m src.pick {folder.name}")
