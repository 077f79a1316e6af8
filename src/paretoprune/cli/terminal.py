"""What a user sees while a sweep runs: a progress bar, or plain lines without a terminal."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from paretoprune.config import SearchSettings
from paretoprune.delivery.quantities import written
from paretoprune.results import TrialResult

_log = logging.getLogger(__name__)


class Terminal:
    """A watcher that says how the sweep goes."""

    def __init__(self, console: Console, search: SearchSettings) -> None:
        self._search = search
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[latest]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._bar = self._progress.add_task("trials", total=search.n_trials, latest="")

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

    def begun(self, results: Sequence[TrialResult]) -> None:
        """The sweep starts, or goes on."""
        if results:
            _log.info("going on after %d trials that are on record", len(results))
        self._progress.update(self._bar, completed=_num_counted(results))

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """One trial more."""
        _log.info(describe_trial(result, self._search))
        self._progress.update(
            self._bar, completed=_num_counted(results), latest=best_so_far(results)
        )


def _num_counted(results: Sequence[TrialResult]) -> int:
    return sum(result.state in ("complete", "failed") for result in results)


class ConsoleHandler(logging.Handler):
    """The package's messages on the console, one line each, above the progress bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message; warnings stand out."""
        style = "yellow" if record.levelno >= logging.WARNING else ""
        text = record.getMessage()
        self._console.print(text, style=style, soft_wrap=True, markup=False, highlight=False)


def make_console() -> Console:
    """The console that shows the package's messages. In a file, lines are as long as they are."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    logger = logging.getLogger("paretoprune")
    logger.handlers = [ConsoleHandler(console)]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return console


def describe_trial(result: TrialResult, search: SearchSettings) -> str:
    """One line: number, origin, and the objectives or the reason of a failure."""
    head = f"trial {result.number:4d}  {result.origin:8s}"
    if result.state == "failed":
        return f"{head} failed: {result.reason}"
    measured = result.metrics.measured()
    values = "  ".join(
        f"{name} {written(name, measured[name])}" for name in search.objectives if name in measured
    )
    note = f"  ({result.state}: {result.reason})" if result.reason else ""
    if result.metrics.compressed_bytes is not None:
        values += f"  compressed {written('compressed_bytes', result.metrics.compressed_bytes)}"
    if "loss_after" in result.compensation:
        before, after = (result.compensation[f"loss_{when}"] for when in ("before", "after"))
        values += f"  (compensation: loss {before:.3g} -> {after:.3g})"
    parts = max((record.parts for record in result.curve), default=1)
    if parts > 1:
        note += f"  (for want of memory trained with each batch in {parts} parts)"
    return f"{head} {values}  {sum(result.seconds.values()):.1f} s{note}"


def best_so_far(results: Sequence[TrialResult]) -> str:
    """The smallest model within one point of the dense model's accuracy, in a few words."""
    complete = [r.metrics for r in results if r.state == "complete"]
    dense = next((r.metrics for r in results if r.origin == "dense"), None)
    if dense is None or dense.accuracy is None or not dense.macs:
        return ""
    good = [
        (m.macs, m.accuracy)
        for m in complete
        if m.macs and m.accuracy is not None and m.accuracy >= dense.accuracy - 1
    ]
    if not good:
        return ""
    macs, accuracy = min(good)
    return f"best {accuracy:.1f} % at {macs / dense.macs:.0%} MACs"
