"""Remaining budget of a sweep, and the training of a trial that it allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from paretoprune.config.groups.search import SearchSettings
from paretoprune.results import Budget, Job
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.search_problem import SearchProblem
from paretoprune.sweep.ending import budget_of, in_words
from paretoprune.sweep.pending import PendingTrials
from paretoprune.sweep.results import SweepResults

# A trial that the budget leaves less than this share of its training is not begun.
_LEAST_SHARE = 0.3


class BudgetTracker:
    """Tracks the budget that trials have used, those that run included."""

    def __init__(
        self,
        problem: SearchProblem,
        search: SearchSettings,
        results: SweepResults,
        unfinished: PendingTrials,
        *,
        clock: Callable[[], float] | None,
        workers: int = 1,
    ) -> None:
        self._problem, self._search = problem, search
        self._results, self._unfinished = results, unfinished
        self._begun = time.perf_counter()
        self._clock = clock or self._seconds_so_far
        self._earlier_s = 0.0  # that the trials of earlier runs took
        self._workers = workers
        self._ends: dict[int, float] = {}  # when a trial is expected to end, on the clock

    def restore(self) -> None:
        """Count the results so far as those of earlier runs."""
        self._earlier_s = sum(sum(result.seconds.values()) for result in self._results.all)

    def left(self) -> RemainingBudget:
        """Return the remaining budget, with its conversion into epochs."""
        return RemainingBudget(
            self._budget_left(),
            self._problem.epochs,
            self._time_at,
            self._budget_left,
            workers=self._workers,
            busy_s=self._busy_s(),
        )

    def in_words(self) -> str:
        """Return the used part of the budget in words, for a sweep that is continued."""
        left, budget = self._budget_left(), budget_of(self._search)
        spent = replace(budget, amount=budget.amount - left.amount)
        rest = replace(left, amount=max(0.0, left.amount))
        return f"of its budget {in_words(spent)} are spent, and {in_words(rest)} are left"

    def fitted(self, job: Job, left: RemainingBudget) -> Job | None:
        """Return the job with at most the remaining training; None if that is almost nothing.

        A job that fits is taken to begin now.
        """
        fitting = self._fitted(job, left)
        if fitting is not None and fitting.epochs and self._counts_workers:
            self._ends[job.number] = self._clock() + self._expected_s(fitting)
        return fitting

    def _fitted(self, job: Job, left: RemainingBudget) -> Job | None:
        asked = self._problem.epochs if job.epochs is None else job.epochs
        if asked == 0:
            return job
        if left.budget.unit == "trials":
            return replace(job, epochs=asked)
        whole = left.training(1.0, macs=self._problem.cost_of(job.ratios).macs)
        if whole.epochs < _LEAST_SHARE * asked:
            return None
        limits = [limit for limit in (job.seconds, whole.seconds) if limit is not None]
        return replace(
            job, epochs=min(asked, whole.epochs), seconds=min(limits) if limits else None
        )

    def needed(self, job: Job) -> float:
        """Return the least part of the budget that the job needs, in its unit."""
        asked = self._problem.epochs if job.epochs is None else job.epochs
        if self.left().budget.unit == "epochs":
            return _LEAST_SHARE * asked
        trial_time = self._time_at(self._problem.cost_of(job.ratios).macs)
        return trial_time.seconds_for(_LEAST_SHARE * asked)

    def _expected_s(self, job: Job) -> float:
        """Return the seconds that a trial is expected to take."""
        trial_time = self._time_at(self._problem.cost_of(job.ratios).macs)
        if job.seconds is not None:
            return trial_time.fixed + job.seconds
        return trial_time.seconds_for(self._problem.epochs if job.epochs is None else job.epochs)

    @property
    def _counts_workers(self) -> bool:
        """True if the budget is one of time in which several workers train."""
        return self._workers > 1 and budget_of(self._search).unit == "seconds"

    def _busy_s(self) -> dict[int, float]:
        """Return the seconds that the running trials are still expected to take, by number."""
        if not self._counts_workers:
            return {}
        now, ends = self._clock(), self._ends
        return {n: max(0.0, ends.get(n, now) - now) for n in self._unfinished.running}

    def _budget_left(self) -> Budget:
        running = self._unfinished.running.values()
        budget = budget_of(self._search)
        if budget.unit == "trials":  # those that were settled without training do not count
            spent: float = self._results.num_counted + len(running)
        elif budget.unit == "epochs":
            spent = self._results.epochs + sum(job.epochs or 0.0 for job in running)
        else:
            spent = self._clock()
        return Budget(budget.amount - spent, budget.unit)

    def _seconds_so_far(self) -> float:
        """Return the seconds of the trials of earlier runs and of this run."""
        return self._earlier_s + time.perf_counter() - self._begun

    def _time_at(self, macs: float) -> TrialTime:
        """Return the time model of a trial of this size."""
        return self._results.time_at(macs, self._problem.epoch_time())
