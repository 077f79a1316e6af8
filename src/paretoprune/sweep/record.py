"""Record of a sweep: results are written to disk first, then to the study and watchers."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.executors.attempt import Lost
from paretoprune.results import Job, Metrics, TrialResult
from paretoprune.results.trials import QuantizedResult
from paretoprune.search.budget.limits import broken_limits
from paretoprune.search.front.running_front import RunningFront
from paretoprune.search.strategies.interface import Strategy
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.failure_streak import FailureStreak, without_streak
from paretoprune.sweep.pending import PendingTrials
from paretoprune.sweep.results import SweepResults

_log = logging.getLogger(__name__)

Judged = TypeVar("Judged", TrialResult, QuantizedResult)


class Watcher(Protocol):
    """An observer of a sweep: the terminal, the tables, MLflow.

    Watchers are passed to `sweep.run`, which calls them in turn, in the driver's process and its
    main thread, each time after a result is on disk. They decide nothing, and must not change the
    results. A call delays the next trial, so that slow work belongs in a thread. An exception ends
    the sweep; no result is lost, and the same command continues it.
    """

    def begun(self, results: Sequence[TrialResult]) -> None:
        """Called when the sweep starts, or continues after `results` of an earlier run."""

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """Called when a trial has ended; `results` are all so far, including it."""


class Record:
    """Results so far, pending trials, and the weights that are still needed."""

    def __init__(
        self,
        folder: SweepFolder,
        study: SweepStudy,
        strategy: Strategy,
        search: SearchSettings,
        sparsity: SparsitySettings,
        *,
        retries: int,
        watchers: Sequence[Watcher],
    ) -> None:
        self.folder, self._study, self._strategy = folder, study, strategy
        self._objectives, self._sparsity, self._watchers = search.objectives, sparsity, watchers
        self.results = SweepResults(search.objectives)
        self.unfinished = PendingTrials(folder, retries=retries)
        self._with_weights: set[int] = set()
        self._streak = FailureStreak()

    def restore(self) -> None:
        """Read the state that an earlier run left."""
        self.folder.remove_leftovers()
        results = without_streak(self.folder.read_results())
        for number in self._damaged(results):
            _log.warning("the files of trial %d are damaged; it is run again", number)
            results = [result for result in results if result.number != number]
        self.unfinished.restore(results, self._study.jobs())
        self._study.restore(results)
        self.results.add_all(results)
        self._with_weights = {result.number for result in results}
        for watcher in self._watchers:
            watcher.begun(self.results.all)

    def collect(self, outcome: TrialResult | Lost) -> None:
        """Record the outcome of a trial, or put it back to be run again."""
        if isinstance(outcome, Lost):
            if (given_up := self.unfinished.lose(outcome)) is not None:
                self.add(given_up)
            return
        del self.unfinished.running[outcome.number]
        self.add(self._judged(outcome))
        self._drop_weights(outcome.number)

    def add(self, result: TrialResult) -> None:
        """Record a result unchanged."""
        self.folder.write_result(result)
        self._study.tell(result)
        self.results.add(result)
        for watcher in self._watchers:
            watcher.finished(result, self.results.all)
        self._streak.add(result)

    def begin(self, job: Job) -> None:
        """Record that a trial starts."""
        parent = None if job.parent is None else self.results.at(job.parent)
        self.unfinished.begin(job, parent.job if parent else None)

    def forget(self, number: int) -> bool:
        """Put back a finished trial whose files are damaged; return False if there is none."""
        if number in self.unfinished.again:
            return True
        if number not in self.results:
            return False
        _log.warning("the files of trial %d are damaged; it is run again", number)
        self.unfinished.again[number] = self.results.remove(number).job
        return True

    def _damaged(self, results: Sequence[TrialResult]) -> list[int]:
        """Return the trials whose weights are needed and were changed."""
        on_front = RunningFront(self._objectives)
        for result in results:
            on_front.add(result)
        needed = {*on_front.numbers(), *self._strategy.needed(results)}
        return [number for number in sorted(needed) if not self.folder.is_whole(number)]

    def _judged(self, result: TrialResult) -> TrialResult:
        """Return the result and its quantized models, judged by the settings and the search."""
        return replace(
            self._judged_alone(result), quantized=tuple(map(self._judged_alone, result.quantized))
        )

    def _judged_alone(self, result: Judged) -> Judged:
        values = {name: result.metrics.get(name) for name in self._objectives}
        bad = [name for name, v in values.items() if v is not None and not math.isfinite(v)]
        if bad:
            reason = f"{bad[0]} is {values[bad[0]]}"
            return replace(result, state="failed", metrics=Metrics(), reason=reason)
        broken = broken_limits(self._sparsity, result.metrics, self._objectives)
        if result.state == "complete" and broken:
            return replace(result, state="infeasible", reason="; ".join(broken))
        return result

    def _drop_weights(self, latest: int) -> None:
        """Delete weights of trials off the front from which no later trial starts."""
        keep = {
            *self.results.front(),
            *self.unfinished.running,
            *self.unfinished.parents(),
            *self._strategy.needed(self.results.all),
        }
        for number in (self._with_weights | {latest}) - keep:
            self.folder.drop_weights(number)
        self._with_weights = keep
