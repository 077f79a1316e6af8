"""Display of a running sweep: a progress bar, or plain lines without a terminal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from paretoprune.cli.display.step_bar import StepBar
from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.redact import redact
from paretoprune.metrics import Direction
from paretoprune.objectives import first_quality
from paretoprune.report.watchers.trial_log import TrialLog
from paretoprune.results import Metrics, TrialResult
from paretoprune.retained import QualityScale, is_at_least, scale_of
from paretoprune.search.front.running_front import RunningFront

_DROP = 0.01  # share of the retained quality that the best model so far may lose


class Terminal:
    """A watcher that shows the progress of the sweep."""

    def __init__(
        self,
        console: Console,
        search: SearchSettings,
        objectives: Mapping[str, Direction],
        trivial: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        """`trivial` returns the trivial predictor's qualities, once the dense model is measured."""
        self._log = TrialLog(objectives)
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
        self._best = BestSoFar(objectives, trivial)
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
        """The sweep starts or is resumed."""
        self._log.begun(results)
        for result in results:
            self._take(result)

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """Show a trial that has ended."""
        self._log.finished(result, results)
        self._take(result)

    def _take(self, result: TrialResult) -> None:
        self._best.add(result)
        advance = int(result.state in ("complete", "failed"))
        self._progress.update(self._bar, advance=advance, latest=self._best.in_words())


class ConsoleHandler(logging.Handler):
    """The package's messages on the console, one line each, above the progress bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._steps = StepBar(console)

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message; warnings stand out."""
        style = "yellow" if record.levelno >= logging.WARNING else ""
        text = redact(record.getMessage())
        if self._steps.takes(record, text):
            return
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


class BestSoFar:
    """The smallest model that retains nearly all of the dense model's quality so far."""

    def __init__(
        self, objectives: Mapping[str, Direction], trivial: Callable[[], Mapping[str, float]]
    ) -> None:
        """`trivial` returns the trivial predictor's qualities, once the dense model is measured."""
        self._objectives, self._trivial = objectives, trivial
        self._scale: QualityScale | None = None
        self._dense_macs: int | None = None
        self._metrics: dict[int, Metrics] = {}
        name = first_quality(objectives)
        # The smallest that is good enough is among those that none dominates.
        aims: dict[str, Direction] = {name: objectives[name]} if name else {}
        self._front = RunningFront({**aims, "macs": "minimize"})

    def add(self, result: TrialResult) -> None:
        """Take in a trial, in any order."""
        if result.origin == "dense":
            self._scale = scale_of(self._objectives, result.metrics, self._trivial())
            self._dense_macs = result.metrics.macs
        self._metrics[result.number] = result.metrics
        self._front.add(result)

    def in_words(self) -> str:
        """Return its quality and size; empty before the dense model is measured, or without one."""
        scale = self._scale
        bound = scale.at_share(_DROP) if scale else None
        if scale is None or bound is None or not self._dense_macs:
            return ""
        known = [self._metrics[number] for number in self._front.numbers()]
        good = [
            (m.macs, value)
            for m in known
            if m.macs
            and (value := m.quality.get(scale.name)) is not None
            and is_at_least(value, bound, scale.direction)
        ]
        if not good:
            return ""
        macs, value = min(good)
        return f"best {scale.written(value)} at {macs / self._dense_macs:.0%} MACs"
