"""The tracker interface of a sweep, and its MLflow implementation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from paretoprune.config.invocation import command_line
from paretoprune.results import TrialResult
from paretoprune.results.trials import ModelKey
from paretoprune.tracking.answers import Answers
from paretoprune.tracking.outbox import Delivery, Outbox
from paretoprune.tracking.record import trial_record
from paretoprune.tracking.runs import SweepRuns

_log = logging.getLogger(__name__)

Status = Literal["FINISHED", "FAILED", "KILLED"]


class Tracker(Protocol):
    """Receives the progress of a sweep and shows it to the user.

    Made by `open_tracker` at the start of a sweep. `log_trial` and `mark_front` are called after
    each trial, `log_summary` when the picture or note changes, and `close` once at the end. A
    tracker is only a view: the sweep's folder is the authoritative record, and an outage must not
    cost a trial. Therefore no method raises, except that KeyboardInterrupt is passed on.
    """

    def log_trial(self, result: TrialResult, *, artifacts: Sequence[Path] = ()) -> None:
        """Log a finished trial. Logging a trial again has no effect."""

    def mark_front(self, keys: Collection[ModelKey]) -> None:
        """Set the models that are on the front now."""

    def log_summary(
        self, *, note: str, files: Sequence[Path] = (), figures: Mapping[str, float] | None = None
    ) -> None:
        """Replace the note (Markdown), the files and the metrics of the sweep's own run."""

    def close(self, status: Status) -> bool:
        """Deliver pending items, as long as MLflow answers, and end the sweep's own run.

        Returns True if MLflow has received everything.
        """


class NullTracker:
    """The tracker of a sweep without tracking."""

    def log_trial(self, result: TrialResult, *, artifacts: Sequence[Path] = ()) -> None:
        """Do nothing."""

    def mark_front(self, keys: Collection[ModelKey]) -> None:
        """Do nothing."""

    def log_summary(
        self, *, note: str, files: Sequence[Path] = (), figures: Mapping[str, float] | None = None
    ) -> None:
        """Do nothing."""

    def close(self, status: Status) -> bool:
        """Return False, as nothing is delivered."""
        return False


class MlflowTracker:
    """Logs a sweep to MLflow through an outbox that retries failed deliveries."""

    def __init__(
        self,
        open_runs: Callable[[Answers], SweepRuns],
        *,
        sweep_name: str,
        commit: str | None,
        patience_s: float,
        open_patience_s: float,
        silence_s: float,
    ) -> None:
        """`open_runs` connects to MLflow; it is called at once, and again after every failure."""
        self._sweep_name, self._answers = sweep_name, Answers()
        self._open_runs = open_runs
        self._commit = commit
        self._patience_s = patience_s
        self._outbox = Outbox(
            patience_s=patience_s, silence_s=silence_s, answers=lambda: self._answers.count
        )
        self._runs: SweepRuns | None = None
        self._front: frozenset[ModelKey] = frozenset()
        self._put("the sweep's run", lambda runs: None)
        self._outbox.settle(open_patience_s)

    def log_trial(self, result: TrialResult, *, artifacts: Sequence[Path] = ()) -> None:
        """Write the trial's run: parameters, metrics, curve, tags and artifacts."""
        record = trial_record(result, commit=self._commit, artifacts=artifacts)
        self._put(
            f"trial {record.key}",
            lambda runs: runs.write_trial(record, front=record.key in self._front),
        )

    def mark_front(self, keys: Collection[ModelKey]) -> None:
        """Update the tag `front` of the models that joined or left the front."""
        self._front = frozenset(keys)
        self._put("the front", lambda runs: runs.mark_front(self._front))

    def log_summary(
        self, *, note: str, files: Sequence[Path] = (), figures: Mapping[str, float] | None = None
    ) -> None:
        """Put the note, the files and the metrics on the parent run."""
        self._put("the summary", lambda runs: runs.write_summary(note, files, figures or {}))

    def close(self, status: Status) -> bool:
        """Deliver pending items and end the parent run; warn about undelivered ones."""
        self._put("the end", lambda runs: runs.finish(status))
        lost = self._outbox.drain(patience_s=self._patience_s)
        if lost:
            _log.warning(
                "MLflow did not get %s; the sweep's folder holds everything, and running the same "
                "command again, or `%s`, sends what is missing",
                _enumerate(lost),
                command_line("report", self._sweep_name, "send=true"),
            )
        return not lost

    def _put(self, what: str, write: Callable[[SweepRuns], None]) -> None:
        self._outbox.put(Delivery(what, lambda: self._send(write)))

    def _send(self, write: Callable[[SweepRuns], None]) -> None:
        runs, self._runs = self._runs or self._open_runs(self._answers), None
        write(runs)
        self._runs = runs  # kept only if the write succeeded


def _enumerate(names: list[str]) -> str:
    shown = list(dict.fromkeys(names))
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return ", ".join(shown[:5]) + more
