"""The progress of a running sweep, in words."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paretoprune.results import TrialResult
from paretoprune.storage.sweep_folder import SweepFolder

_MINUTE_S, _HOUR_S = 60.0, 3600.0
_LONGEST_S, _LONGEST_MIN = 100.0, 100.0  # beyond, the next larger unit is used


@dataclass(frozen=True)
class Progress:
    """A sweep while it runs: trials that have ended, how many there will be, and the time left."""

    done: int
    total: int | None  # None: a budget of time or epochs decides
    left_s: float | None = None  # None: not known yet

    def in_words(self) -> str:
        """Return for example `running, 14 of 30 trials, about 2 min left`."""
        count = (
            f"{self.done} trials" if self.total is None else f"{self.done} of {self.total} trials"
        )
        left = "" if self.left_s is None else f", about {_duration(self.left_s)} left"
        return f"running, {count}{left}"


class ProgressMeter:
    """Measures the progress of a sweep from the start of this process's part of it."""

    def __init__(self, folder: SweepFolder) -> None:
        self._folder, self._known = folder, 0
        self._started = time.perf_counter()

    def begin(self, results: Sequence[TrialResult]) -> None:
        """Start the clock; `results` are those of earlier processes."""
        self._known, self._started = len(results), time.perf_counter()

    def now(self, results: Sequence[TrialResult]) -> Progress:
        """Return the progress after these trials."""
        return progress_of(
            self._folder.read_config(),
            done=sum(result.state in ("complete", "failed") for result in results),
            new=len(results) - self._known,
            elapsed_s=time.perf_counter() - self._started,
        )


def progress_of(config: Mapping[str, Any], *, done: int, new: int, elapsed_s: float) -> Progress:
    """Return the progress of a sweep with `done` trials, of which `new` took `elapsed_s`.

    The rest is assumed to take as long per trial as the new ones.
    """
    search = config.get("search") or {}
    by_count = not search.get("budget") or str(search["budget"]).isdigit()
    total = int(search.get("budget") or search.get("n_trials") or 0) if by_count else None
    if not total or done > total:
        return Progress(done, None)
    return Progress(done, total, (total - done) * elapsed_s / new if new else None)


def _duration(seconds: float) -> str:
    if seconds < _LONGEST_S:
        return f"{max(seconds, 1):.0f} s"
    if seconds < _LONGEST_MIN * _MINUTE_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _HOUR_S:.0f} h"
