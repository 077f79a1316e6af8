"""A sweep's tables and pages, rewritten while it runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType

from paretoprune.config.invocation import command_line
from paretoprune.report.report import write_front_png, write_report
from paretoprune.report.summary_data import facts_of
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.report.tables import write_tables
from paretoprune.report.watchers.progress import Progress, ProgressMeter
from paretoprune.results import TrialResult
from paretoprune.storage.sweep_folder import SweepFolder

_log = logging.getLogger(__name__)

_SHARE_FOR_VIEWS = 0.01  # of the running time; those of a long sweep take a moment to write


class LiveReport:
    """A watcher that keeps the sweep's tables and pages up to date, and draws at the end."""

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._results: Sequence[TrialResult] = ()
        self._progress = ProgressMeter(folder)
        self._started = time.perf_counter()
        self._spent = 0.0

    def __enter__(self) -> LiveReport:
        return self

    def begun(self, results: Sequence[TrialResult]) -> None:
        """Called when the sweep starts or continues."""
        self._results = results
        self._progress.begin(results)

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """Rewrite all after a trial, unless that would slow the sweep down."""
        self._results = results
        begun = time.perf_counter()
        if self._spent <= _SHARE_FOR_VIEWS * (begun - self._started):
            self._write(running=True)
            self._spent += time.perf_counter() - begun

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        facts = self._write()
        if facts:
            write_front_png(self._folder.path, facts)

    def _write(self, *, running: bool = False) -> SweepFacts | None:
        """Write the views; errors become warnings and end no trial."""
        try:
            progress = self._progress.now(self._results) if running else None
            return write_views(self._folder, self._results, progress)
        except Exception as error:
            _log.warning(
                "the report cannot be written (%s); the trials are on record, and "
                "`%s` writes it later",
                error,
                command_line("report", self._folder.name),
            )
            return None


def write_views(
    folder: SweepFolder, results: Sequence[TrialResult], progress: Progress | None = None
) -> SweepFacts | None:
    """The tables and pages of a sweep; None, and nothing, before the dense model is measured.

    `progress` is stated on the pages of a sweep that runs.
    """
    facts = replace(facts_of(folder, results), progress=progress)
    if facts.dense is None:
        return None
    write_tables(
        folder.path,
        facts.results,
        front=facts.front,
        dense=facts.dense.metrics,
        objectives=facts.objectives,
    )
    write_report(folder.path, facts)
    return facts
