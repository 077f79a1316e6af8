"""A watcher that keeps MLflow's view of a sweep up to date."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from paretoprune.config.groups.tracking import TrackingSettings
from paretoprune.metrics import Direction
from paretoprune.report.live import write_views
from paretoprune.report.report import write_front_png
from paretoprune.report.summary import in_share, smallest_within
from paretoprune.report.summary_data import facts_of
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.report.watchers.front_figures import front_figures
from paretoprune.report.watchers.progress import ProgressMeter
from paretoprune.results import TrialResult
from paretoprune.results.trials import ModelKey, models_of
from paretoprune.search.front.running_front import RunningFront
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.tracking.lightning_loggers import LoggerTracker
from paretoprune.tracking.note import sweep_note
from paretoprune.tracking.open import open_tracker
from paretoprune.tracking.several import SeveralTrackers
from paretoprune.tracking.tracker import NullTracker, Tracker
from paretoprune.tracking.uri import resolve_uri

_log = logging.getLogger(__name__)

_EVERY_S = 120.0  # the picture takes a second to draw
_LOGS = "logs"  # in the sweep's folder: of loggers that write files
_FILES = ("front.csv", "front.png", "front.html", "report.html", "trials.csv")


class MlflowWatcher:
    """Logs each trial once, marks the front, and gives the sweep's page its note and pictures."""

    def __init__(
        self,
        settings: TrackingSettings,
        folder: SweepFolder,
        objectives: Mapping[str, Direction],
        tags: Mapping[str, str],
        groups: Sequence[str],
        *,
        patience_s: float = 5.0,
        every_s: float = _EVERY_S,
    ) -> None:
        """`every_s`: least number of seconds between two updates of the front."""
        self._folder, self._every_s = folder, every_s
        self._shown, self._shown_at = frozenset[ModelKey](), time.monotonic()
        self._results: Sequence[TrialResult] = ()
        self._progress = ProgressMeter(folder)
        self._front = RunningFront(objectives)
        self.is_complete = False  # after the block: True if the trackers have everything
        trackers: list[Tracker] = [
            LoggerTracker(name, target, sweep_name=folder.name, folder=folder.path / _LOGS)
            for name, target in settings.loggers.items()
        ]
        if settings.enabled:
            root = Path.cwd()
            mlflow = open_tracker(
                resolve_uri(settings.uri, root=root),
                root=root,
                sweep_name=folder.name,
                sweep_id=folder.identity(),
                tags=tags,
                params=dict(tags),
                patience_s=patience_s,
                objectives=objectives,
                groups=groups,
            )
            trackers.insert(0, mlflow)
        self._tracker = SeveralTrackers(trackers) if trackers else NullTracker()

    def __enter__(self) -> MlflowWatcher:
        return self

    def begun(self, results: Sequence[TrialResult]) -> None:
        """Send to MLflow the trials of an earlier run that it has not received."""
        self._results = results
        self._progress.begin(results)
        for result in results:
            self._front.add(result)
        self._tracker.mark_front(self._front.keys())
        for result in results:
            self._log(result)

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """Send a trial that has ended."""
        self._results = results
        self._front.add(result)
        front = frozenset(self._front.keys())
        self._tracker.mark_front(front)
        self._log(result)
        if front != self._shown and time.monotonic() - self._shown_at >= self._every_s:
            self._show()
            self._shown, self._shown_at = front, time.monotonic()

    def _show(self) -> None:
        """Draw the present front and send it to MLflow; errors become warnings."""
        try:
            progress = self._progress.now(self._results)
            facts = write_views(self._folder, self._results, progress)
            if facts:
                write_front_png(self._folder.path, facts)
                self._summarise(facts)
        except Exception as error:
            _log.warning("the sweep's page in MLflow is not up to date: %s", error)

    def _summarise(self, facts: SweepFacts) -> None:
        files = [self._folder.path / name for name in _FILES]
        self._tracker.log_summary(
            note=_note(facts),
            files=[path for path in files if path.is_file()],
            figures=front_figures(facts),
        )

    def _log(self, result: TrialResult) -> None:
        files = [self._folder.trial(result.number) / "plan.json", self._folder.config]
        for model in models_of([result]):
            self._tracker.log_trial(model, artifacts=[path for path in files if path.is_file()])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        facts = facts_of(self._folder, self._results)
        if facts.front and facts.dense:
            self._summarise(facts)
        self.is_complete = self._tracker.close("FINISHED" if error is None else "KILLED")


def _note(facts: SweepFacts) -> str:
    assert facts.dense is not None, "checked before"
    by_key = {result.key: result for result in facts.results}
    return sweep_note(
        [by_key[key] for key in facts.front],
        sweep_name=facts.name,
        dense=facts.dense.metrics,
        objectives=facts.objectives,
        picks={
            f"the smallest with {in_share(drop)} of the quality retained": best
            for drop, best in smallest_within(facts).items()
        },
        pick_command=facts.pick,
    )
