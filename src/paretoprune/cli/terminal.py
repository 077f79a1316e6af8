"""What a user sees in the terminal: the progress of a sweep, and the front as a table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from paretoprune.config import SearchSettings
from paretoprune.results import TrialResult

_log = logging.getLogger(__name__)


def format_quantity(name: str, value: float | None) -> str:
    """A value as people read it: percent with one decimal, counts with k and M."""
    if value is None:
        return ""
    if name in ("params", "macs", "size_bytes"):
        for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
            if value >= scale:
                return f"{value / scale:.3g}{unit}"
        return f"{value:.0f}"
    return f"{value:.2f}"


class Terminal:
    """A watcher with a progress bar, where the output is a terminal; else one line per trial."""

    def __init__(self, console: Console, search: SearchSettings, *, done: int) -> None:
        self._search = search
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[latest]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._bar = self._progress.add_task(
            "trials", total=search.n_trials, completed=done, latest=""
        )

    def __enter__(self) -> Terminal:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """One trial more."""
        _log.info(describe_trial(result, self._search))
        self._progress.update(self._bar, advance=1, latest=_best_so_far(results, self._search))


def describe_trial(result: TrialResult, search: SearchSettings) -> str:
    """One line: number, origin, and the objectives or the reason of a failure."""
    head = f"trial {result.number:4d}  {result.origin:8s}"
    if result.state == "failed":
        return f"{head} failed: {result.reason}"
    values = "  ".join(
        f"{name} {format_quantity(name, getattr(result.metrics, name))}"
        for name in search.objectives
    )
    note = f"  ({result.state}: {result.reason})" if result.reason else ""
    return f"{head} {values}  {sum(result.seconds.values()):.1f} s{note}"


def show_logs(console: Console) -> None:
    """Send the package's messages to the terminal, plainly."""
    handler = RichHandler(
        console=console, show_time=False, show_level=False, show_path=False, markup=False
    )
    logger = logging.getLogger("paretoprune")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _best_so_far(results: Sequence[TrialResult], search: SearchSettings) -> str:
    """The smallest model within one point of the best accuracy, in a few words."""
    complete = [r for r in results if r.state == "complete" and r.metrics.accuracy is not None]
    dense = next((r for r in complete if r.origin == "dense"), None)
    pruned = [r for r in complete if r.origin != "dense"]
    if dense is None or not pruned:
        return ""
    floor = (dense.metrics.accuracy or 0.0) - 1.0
    good = [r for r in pruned if (r.metrics.accuracy or 0.0) >= floor]
    if not good:
        return ""
    best = min(good, key=lambda r: r.metrics.macs or 0)
    share = (best.metrics.macs or 0) / (dense.metrics.macs or 1)
    return f"within 1 point of dense: {share:.0%} of the MACs ({best.metrics.accuracy:.1f} %)"


def front_table(rows: Sequence[TrialResult], columns: Sequence[str], gains: Sequence[str]) -> Table:
    """The front: one line per trial, the objectives first."""
    table = Table(title=None, header_style="bold")
    for heading in ("trial", "origin", *columns, "gain over uniform"):
        table.add_column(heading, justify="left" if heading == "origin" else "right")
    for result, gain in zip(rows, gains, strict=True):
        values = [format_quantity(name, getattr(result.metrics, name)) for name in columns]
        table.add_row(str(result.number), result.origin, *values, gain)
    return table
