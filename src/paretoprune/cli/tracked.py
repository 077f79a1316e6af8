"""A watcher that keeps MLflow's view of a sweep up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from paretoprune.cli.facts import facts_of
from paretoprune.config import TrackingSettings
from paretoprune.delivery import SweepFacts
from paretoprune.delivery.summary import in_points, smallest_within
from paretoprune.results import Direction, TrialResult
from paretoprune.search import RunningFront
from paretoprune.sweep_folder import SweepFolder
from paretoprune.tracking import NullTracker, Tracker, open_tracker, resolve_uri, sweep_note

_FILES = ("front.csv", "front.png", "front.html", "report.html", "trials.csv")


class Tracked:
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
    ) -> None:
        self._folder, self._objectives = folder, objectives
        self._results: Sequence[TrialResult] = ()
        self._front = RunningFront(objectives)
        self._tracker: Tracker = NullTracker()
        if settings.enabled:
            root = Path.cwd()
            self._tracker = open_tracker(
                resolve_uri(settings.uri, root=root),
                root=root,
                sweep_name=folder.path.name,
                sweep_id=folder.identity(),
                tags=tags,
                params=dict(tags),
                patience_s=patience_s,
                objectives=objectives,
                groups=groups,
            )

    def __enter__(self) -> Tracked:
        return self

    def begun(self, results: Sequence[TrialResult]) -> None:
        """The sweep starts, or goes on: what MLflow missed of an earlier run it gets now."""
        self._results = results
        for result in results:
            self._front.add(result)
        self._tracker.mark_front(self._front.numbers())
        for result in results:
            self._log(result)

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """One trial more."""
        self._results = results
        self._front.add(result)
        self._tracker.mark_front(self._front.numbers())
        self._log(result)

    def _log(self, result: TrialResult) -> None:
        files = [self._folder.trial(result.number) / "plan.json", self._folder.config]
        self._tracker.log_trial(result, artifacts=[path for path in files if path.is_file()])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        facts = facts_of(self._folder, self._results)
        if facts.front and facts.dense:
            files = [self._folder.path / name for name in _FILES]
            self._tracker.log_summary(
                note=_note(facts), files=[path for path in files if path.is_file()]
            )
        self._tracker.close("FINISHED" if error is None else "KILLED")


def _note(facts: SweepFacts) -> str:
    assert facts.dense is not None, "checked before"
    by_number = {result.number: result for result in facts.results}
    return sweep_note(
        [by_number[number] for number in facts.front],
        sweep_name=facts.name,
        dense=facts.dense.metrics,
        objectives=facts.objectives,
        picks={
            f"the smallest within {in_points(drop)} of the dense model": best
            for drop, best in smallest_within(facts).items()
        },
        pick_command=facts.pick,
    )
