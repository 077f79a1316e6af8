"""Several trackers as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from paretoprune.results import TrialResult
from paretoprune.results.trials import ModelKey
from paretoprune.tracking.tracker import Status, Tracker


class SeveralTrackers:
    """Hands everything to each of its trackers, in order."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = trackers

    def log_trial(self, result: TrialResult, *, artifacts: Sequence[Path] = ()) -> None:
        """Log a finished trial."""
        for tracker in self._trackers:
            tracker.log_trial(result, artifacts=artifacts)

    def mark_front(self, keys: Collection[ModelKey]) -> None:
        """Set the models that are on the front now."""
        for tracker in self._trackers:
            tracker.mark_front(keys)

    def log_summary(
        self, *, note: str, files: Sequence[Path] = (), figures: Mapping[str, float] | None = None
    ) -> None:
        """Replace what is said of the sweep as a whole."""
        for tracker in self._trackers:
            tracker.log_summary(note=note, files=files, figures=figures)

    def close(self, status: Status) -> bool:
        """End all trackers; return True if each has received everything."""
        received = [tracker.close(status) for tracker in self._trackers]
        return all(received)
