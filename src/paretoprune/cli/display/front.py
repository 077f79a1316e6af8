"""The front on the terminal: a table, a plot, and what to do next."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from paretoprune.cli.display.plot import front_plot
from paretoprune.metrics import Direction, busy_sentence, written_difference, written_of
from paretoprune.objectives import size_and_quality
from paretoprune.report.pictures.picture import make_picture
from paretoprune.report.summary_data import pick_command
from paretoprune.report.tables import front_table, trials_table
from paretoprune.report.uniform_gain import CONTROLS, MORE_TRAINED
from paretoprune.results import Metrics, TrialResult, models_of
from paretoprune.search.front.front import front_of
from paretoprune.storage.sweep_folder import SweepFolder

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
    models = models_of(results)
    front = front_of(models, objectives)
    trials = trials_table(models, front=front, dense=dense, objectives=objectives)
    rows = front_table(trials, objectives)
    extra = [n for n in ("macs", "params", "measured_speedup") if n not in objectives and n in rows]
    names = [*objectives, *extra]
    table = Table(header_style="bold")
    for heading in ("trial", "origin", *names, "epochs in total", "gain over uniform"):
        table.add_column(heading, justify="left" if heading == "origin" else "right")
    _, quality = size_and_quality(objectives)
    for row in rows.to_dict("records"):
        known = {str(name): row[name] for name in row if not _is_missing(row[name])}
        values = [written_of(name, known) if name in known else "" for name in names]
        epochs = f"{known['epochs_total']:.3g}" if "epochs_total" in known else ""
        table.add_row(_key(known), row["origin"], *values, epochs, _gain(known, quality))
    console.print(table)
    if rows.shape[0]:
        picture = make_picture(models, front=front, dense=dense, objectives=objectives, title="")
        console.print(front_plot(picture, width=min(_WIDEST_PLOT, console.width)))
    _print_summary(console, results, rows.to_dict("records"), folder)


def _is_missing(value: Any) -> bool:
    """Of a table's cell: NaN differs from itself, and `pandas.NA` is no text."""
    return value is None or str(value) == "<NA>" or value != value


def _key(row: Mapping[str, Any]) -> str:
    return "-".join(str(row[name]) for name in ("number", "quantization") if name in row)


def _gain(row: Mapping[str, Any], quality: str) -> str:
    if "gain_over_uniform" not in row:
        return ""
    note = f", {row['gain_note']}" if "gain_note" in row else ""
    gain = written_difference(quality, row["gain_over_uniform"])
    return f"{gain.removesuffix(' points')}{note}"


def _verdict(rows: Sequence[Mapping[Hashable, Any]], origins: Mapping[int, str]) -> str | None:
    """What must be said where the search was of no use, or is not shown to be.

    `origins` are those of the trials: a quantized model was searched if its trial was.
    """
    searched = [row for row in rows if origins[row["number"]] not in ("dense", *CONTROLS)]
    if not searched:
        return "No searched model beats uniform pruning here: every front member is uniform."
    known = [row for row in searched if not _is_missing(row["gain_over_uniform"])]
    if not known:
        return "No searched model of the front has a size at which uniform pruning was measured."
    gains = [row for row in known if row["gain_over_uniform"] > 0]
    if not gains:
        return "No searched model of the front beats uniform pruning of its size here."
    if all(row["gain_note"] == MORE_TRAINED for row in gains):
        return (
            "No searched model of the front is compared with uniform pruning at equal training: "
            "all with a gain are more trained."
        )
    return None


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
    verdict = _verdict(rows, {result.number: result.origin for result in results})
    if verdict:
        console.print(verdict)
    busy = busy_sentence(result.metrics.contention for result in results)
    if busy:
        console.print(busy, highlight=False)
    command = pick_command(SweepFolder(folder))
    console.print(f"everything is in {folder}; to export a model: {command}", markup=False)
