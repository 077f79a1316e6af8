"""The front on the terminal: a table, a plot, and the next command."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from paretoprune.cli.display.fitting import fitting_table
from paretoprune.cli.display.plot import front_plot
from paretoprune.metrics import Direction
from paretoprune.number_format import busy_sentence, with_spread, written_difference
from paretoprune.objectives import size_and_quality
from paretoprune.report.pictures.picture import make_picture
from paretoprune.report.summary_data import pick_command
from paretoprune.report.tables import front_table, trials_table
from paretoprune.report.uniform_gain import CONTROLS, MORE_TRAINED
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import models_of
from paretoprune.search.front.front import front_of
from paretoprune.storage.sweep_folder import SweepFolder

Row = Mapping[Hashable, Any]

_WIDEST_PLOT = 76
_EXTRA = ("macs", "params", "measured_speedup", "latency_ms")  # columns, if there is room


def dense_metrics(results: Sequence[TrialResult]) -> Metrics | None:
    """Return the measurements of the dense model, once its trial is on record."""
    return next((result.metrics for result in results if result.origin == "dense"), None)


def print_front(
    console: Console,
    results: Sequence[TrialResult],
    objectives: Mapping[str, Direction],
    folder: Path,
) -> None:
    """Print the front as a table, then the sweep's folder and the next command."""
    dense = dense_metrics(results) or Metrics()
    models = models_of(results)
    front = front_of(models, objectives)
    trials = trials_table(models, front=front, dense=dense, objectives=objectives)
    rows = front_table(trials, objectives)
    extra = [name for name in _EXTRA if name not in objectives and name in rows]
    shown = _with_dense(trials.to_dict("records"), rows.to_dict("records"))
    console.print(_fitting_table(console, shown, objectives, extra))
    if rows.shape[0]:
        picture = make_picture(models, front=front, dense=dense, objectives=objectives, title="")
        console.print(front_plot(picture, width=min(_WIDEST_PLOT, console.width)))
    _print_summary(console, results, rows.to_dict("records"), folder)


def _with_dense(trials: Sequence[Row], front: Sequence[Row]) -> Sequence[Row]:
    """The rows of the front, after the dense model if it is not one of them."""
    if any(_is_dense(row) for row in front):
        return front
    return [*(row for row in trials if _is_dense(row)), *front]


def _is_dense(row: Row) -> bool:
    return row["origin"] == "dense" and _key_of(row).isdigit()


def _fitting_table(
    console: Console,
    rows: Sequence[Row],
    objectives: Mapping[str, Direction],
    extra: Sequence[str],
) -> Table:
    """The table of these trials, without the last columns that the console has no room for."""
    _, quality = size_and_quality(objectives)

    def make(optional: Sequence[str]) -> Table:
        names = [*objectives, *(name for name in extra if name in optional)]
        return _table(rows, names, optional, quality)

    return fitting_table(console, make, ["gain over uniform", *extra, "epochs in total"])


def _table(
    rows: Sequence[Row],
    names: Sequence[str],
    optional: Sequence[str],
    quality: str,
) -> Table:
    table = Table(header_style="bold")
    training = [name for name in ("epochs in total", "gain over uniform") if name in optional]
    for heading in ("trial", "origin", *names, *training):
        table.add_column(heading, justify="left" if heading == "origin" else "right", no_wrap=True)
    for row in rows:
        known = {str(name): row[name] for name in row if not _is_missing(row[name])}
        values = [with_spread(name, known) if name in known else "" for name in names]
        texts = {
            "epochs in total": f"{known['epochs_total']:.3g}" if "epochs_total" in known else "",
            "gain over uniform": _gain(known, quality),
        }
        table.add_row(_key(known), row["origin"], *values, *(texts[name] for name in training))
    return table


def _is_missing(value: Any) -> bool:
    """Of a table's cell: NaN differs from itself, and `pandas.NA` is no text."""
    return value is None or str(value) == "<NA>" or value != value


def _key_of(row: Row) -> str:
    return _key({str(name): row[name] for name in row if not _is_missing(row[name])})


def _key(row: Mapping[str, Any]) -> str:
    return "-".join(str(row[name]) for name in ("number", "quantization") if name in row)


def _gain(row: Mapping[str, Any], quality: str) -> str:
    if "gain_over_uniform" not in row:
        return ""
    note = f", {row['gain_note']}" if "gain_note" in row else ""
    gain = written_difference(quality, row["gain_over_uniform"])
    return f"{gain.removesuffix(' points')}{note}"


def _verdict(rows: Sequence[Row], origins: Mapping[int, str]) -> str | None:
    """Return the caution for a search that is not shown to beat its baselines.

    `origins` are those of the trials: a quantized model was searched if its trial was.
    """
    if all(origins[row["number"]] == "dense" for row in rows):
        return "No smaller model is on the front: it is the dense model alone."
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
    rows: Sequence[Row],
    folder: Path,
) -> None:
    states = [result.state for result in results]
    counts = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    console.print(f"trials: {', '.join(counts)}")
    if not {"complete", "infeasible"} & set(states):
        console.print(f"No trial is complete, so there is no front. Everything is in {folder}")
        return
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
