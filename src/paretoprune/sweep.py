"""The loop of a sweep: ask, run, tell, record, resume. Knows names and numbers, not networks."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from paretoprune.config import SearchSettings, SparsitySettings
from paretoprune.errors import SweepError
from paretoprune.executors import Executor, Lost, failed
from paretoprune.failures import FailureStreak, without_streak
from paretoprune.results import Budget, Cost, Job, Metrics, Proposal, TrialResult
from paretoprune.search import (
    Ledger,
    Left,
    Pace,
    Strategy,
    broken_limits,
    front_of,
)
from paretoprune.sweep_folder import SweepFolder
from paretoprune.sweep_results import SweepResults
from paretoprune.unfinished import Unfinished, job_of

_log = logging.getLogger(__name__)

# So many proposals in a row that lead to nothing new mean that the space is used up.
_MAX_IDLE = 50
_GUESS = 10.0  # seconds of an epoch, where nobody knows better
# A trial that the budget leaves less than this share of its training is not begun.
_LEAST_SHARE = 0.3
_FLUSH_PATIENCE_S = 60.0  # for a study that another program has locked


@dataclass(frozen=True)
class Problem:
    """All that the search knows of a network."""

    widths_of: Callable[[Mapping[str, float]], dict[str, int]]
    cost_of: Callable[[Mapping[str, float]], Cost]  # exact, without building a model
    epochs: float = 1.0  # of a trial that names none
    seconds_per_epoch: float | None = None  # of the dense model, until a trial says more


class Watcher(Protocol):
    """Who is told as the sweep goes on: the terminal, the tables, MLflow."""

    def begun(self, results: Sequence[TrialResult]) -> None:
        """The sweep starts, or goes on after `results` of an earlier run."""

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """A trial ended; `results` are all so far, this one included."""


def run_sweep(
    problem: Problem,
    first: Sequence[Proposal],
    strategy: Strategy,
    *,
    ledger: Ledger,
    folder: SweepFolder,
    executor: Executor,
    search: SearchSettings,
    sparsity: SparsitySettings,
    seed: int,
    retries: int = 2,
    watchers: Sequence[Watcher] = (),
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] | None = None,
) -> list[TrialResult]:
    """Search until the budget is spent, or `search.n_trials` architectures are on record.

    What earlier runs left counts. The proposals in `first` come before those of the strategy.
    `clock` gives the seconds spent on this sweep so far, for budgets in seconds; by default those
    of its trials, and of this run. Returns all results by number. Each is on disk before anybody
    is told of it. A trial whose process died is run again, up to `retries` times. Once `stop` says
    so, nothing new is started, and what runs is waited for.

    Raises SweepError after ten failures in a row with the same cause.
    """
    state = _State(
        problem, first, strategy, ledger, folder, search, sparsity, seed, retries, watchers=watchers
    )
    state.clock = clock or state.seconds_so_far
    try:
        state.restore()
        while True:
            while (
                not stop()
                and len(state.unfinished.running) < executor.slots
                and (job := state.next_job())
            ):
                executor.submit(job)
            if not state.unfinished.running:
                ledger.flush(patience_s=_FLUSH_PATIENCE_S)
                return state.results.all
            state.finish(executor.collect())
    except BaseException:
        state.unfinished.excuse_running()
        raise


class _State:
    """What is known of a sweep that is under way."""

    def __init__(
        self,
        problem: Problem,
        first: Sequence[Proposal],
        strategy: Strategy,
        ledger: Ledger,
        folder: SweepFolder,
        search: SearchSettings,
        sparsity: SparsitySettings,
        seed: int,
        retries: int,
        *,
        watchers: Sequence[Watcher],
    ) -> None:
        self.problem, self.first, self.strategy = problem, first, strategy
        self.ledger, self.folder, self.watchers = ledger, folder, watchers
        self.search, self.sparsity, self.seed = search, sparsity, seed
        self.begun = time.perf_counter()
        self.clock: Callable[[], float] = self.seconds_so_far
        self.earlier_s = 0.0  # that the trials of earlier runs took
        self.results = SweepResults(search.objectives)
        self.unfinished = Unfinished(folder, retries=retries)
        self.next_number = 0  # all lower ones are taken
        self.with_weights: set[int] = set()
        self.streak = FailureStreak()

    def restore(self) -> None:
        """Take over what an earlier run left."""
        self.folder.remove_leftovers()
        results = without_streak(self.folder.read_results())
        for number in self._damaged(results):
            _log.warning("the files of trial %d are damaged; it is run again", number)
            results = [result for result in results if result.number != number]
        self.unfinished.restore(results)
        self.ledger.restore(results)
        self.results.add_all(results)
        self.with_weights = {result.number for result in results}
        self.earlier_s = sum(sum(result.seconds.values()) for result in results)
        for watcher in self.watchers:
            watcher.begun(self.results.all)

    def next_job(self) -> Job | None:
        """The next architecture that nobody has tried; None if there is nothing to start now."""
        for _ in range(_MAX_IDLE):
            left = Left(self.left(), self.problem.epochs, self.pace_at)
            enough = left.budget.amount <= 0
            job = self._begun_before() or (None if enough else self._propose(left))
            if job is None:
                return None
            rejected = self._without_training(job)
            if rejected is not None:
                self._record(rejected)
            elif enough or self.unfinished.runs_twin_of(job):
                self.unfinished.again[job.number] = job
                if enough:
                    return None
            elif (fitting := self._within(job, left)) is None:
                return None
            else:
                self.unfinished.begin(fitting)
                return fitting
        _log.warning("the search finds no new architecture; it ends before its budget")
        return None

    def finish(self, outcome: TrialResult | Lost) -> None:
        """Put what was collected on record, or aside to be run again."""
        if isinstance(outcome, Lost):
            if (given_up := self.unfinished.lose(outcome)) is not None:
                self._record(given_up)
            return
        del self.unfinished.running[outcome.number]
        self._record(self._judged(outcome))
        self._drop_weights(outcome.number)

    def _damaged(self, results: Sequence[TrialResult]) -> list[int]:
        """The trials whose weights will be needed and are not what they were."""
        needed = {*front_of(results, self.search.objectives), *self.strategy.needed(results)}
        return [number for number in sorted(needed) if not self.folder.is_whole(number)]

    def _judged(self, result: TrialResult) -> TrialResult:
        """The result with what the settings and the search make of it."""
        values = {name: getattr(result.metrics, name) for name in self.search.objectives}
        bad = [name for name, v in values.items() if v is not None and not math.isfinite(v)]
        if bad:
            reason = f"{bad[0]} is {values[bad[0]]}"
            return replace(result, state="failed", metrics=Metrics(), reason=reason)
        broken = broken_limits(self.sparsity, result.metrics)
        if result.state == "complete" and broken:
            return replace(result, state="infeasible", reason="; ".join(broken))
        return result

    def _drop_weights(self, latest: int) -> None:
        """Remove the weights of who left the front, which never comes back, or never was on it."""
        needed = self.strategy.needed(self.results.all)
        keep = {
            *self.results.front(),
            *self.unfinished.running,
            *self.unfinished.parents(),
            *needed,
        }
        for number in (self.with_weights | {latest}) - keep:
            self.folder.drop_weights(number)
        self.with_weights = keep

    def left(self) -> Budget:
        """What is left of the budget."""
        budget = self.search.budget or Budget(self.search.n_trials, "trials")
        if budget.unit == "trials":
            spent: float = self._num_counted()
        elif budget.unit == "epochs":
            running = (job.epochs or 0.0 for job in self.unfinished.running.values())
            spent = self.results.epochs + sum(running)
        else:
            spent = self.clock()
        return Budget(budget.amount - spent, budget.unit)

    def seconds_so_far(self) -> float:
        """Those of the trials of earlier runs, and of this run."""
        return self.earlier_s + time.perf_counter() - self.begun

    def pace_at(self, macs: float) -> Pace:
        """How long a model of this size trains."""
        guess = Pace(self.problem.seconds_per_epoch or _GUESS, 0.0)
        return self.results.pace_at(macs) or guess

    def _within(self, job: Job, left: Left) -> Job | None:
        """The job with as much training as is left; None where that is next to nothing."""
        asked = self.problem.epochs if job.epochs is None else job.epochs
        most = left.epochs(1.0, macs=self.problem.cost_of(job.ratios).macs)
        if left.budget.unit == "trials":
            most = asked
        if most < _LEAST_SHARE * asked:
            return None
        return replace(job, epochs=min(asked, most))

    def _num_counted(self) -> int:
        """Trials that count against `n_trials`: not those that were settled without training."""
        return self.results.num_counted + len(self.unfinished.running)

    def _begun_before(self) -> Job | None:
        """A trial that was begun, if there is one that can be run now."""
        for hopeless in self.unfinished.give_up():
            self._record(hopeless)
        for number in sorted(self.unfinished.again):
            if (job := self._ready(self.unfinished.again[number])) is not None:
                return self.unfinished.again.pop(job.number)
        return None

    def _ready(self, job: Job) -> Job | None:
        """The job, or that of its parent where the parent's weights are gone or damaged.

        None while that one, or the same architecture, is running.
        """
        if self.unfinished.runs_twin_of(job):
            return None
        while job.parent is not None and not self.folder.is_whole(job.parent):
            if job.parent in self.unfinished.running:
                return None
            self._forget(job.parent)
            job = self.unfinished.again[job.parent]
        return job

    def _forget(self, number: int) -> None:
        """Have a trial that finished run again."""
        if number in self.unfinished.again:
            return
        if number not in self.results:
            raise SweepError(f"trial {number}, which another one starts from, is not on record")
        _log.warning("the files of trial %d are damaged; it is run again", number)
        self.unfinished.again[number] = job_of(self.results.remove(number))

    def _propose(self, left: Left) -> Job | None:
        number = self._free_number()
        if number < len(self.first):
            proposal = self.first[number]
        elif (found := self._ask(number, left)) is not None:
            proposal = found
        else:
            return None
        job = Job(
            number=number,
            origin=proposal.origin,
            ratios=proposal.ratios,
            widths=self.problem.widths_of(proposal.ratios),
            seed=self.seed + number,
            parent=proposal.parent,
            epochs=proposal.epochs,
            rung=proposal.rung,
        )
        if job.parent is not None and (ready := self._ready(job)) is not job:
            return ready and self.unfinished.again.pop(ready.number)
        return job

    def _free_number(self) -> int:
        """The lowest number that no trial has."""
        while self.next_number in self.results or self.next_number in self.unfinished:
            self.next_number += 1
        return self.next_number

    def _ask(self, number: int, left: Left) -> Proposal | None:
        return self.strategy.propose(
            number, self.results.all, list(self.unfinished.running.values()), left
        )

    def _without_training(self, job: Job) -> TrialResult | None:
        """The result of a job that need not run: a duplicate, or one over a limit."""
        cost = self.problem.cost_of(job.ratios)
        same = self.results.twin_of(job)
        if same is not None:
            return replace(
                _untrained(job, same.metrics), state="duplicate", duplicate_of=same.number
            )
        broken = broken_limits(self.sparsity, cost.at_least())
        if broken:
            exact = Metrics(params=cost.params, macs=cost.macs)
            return replace(_untrained(job, exact), state="infeasible", reason="; ".join(broken))
        return None

    def _record(self, result: TrialResult) -> None:
        self.folder.write_result(result)
        self.ledger.tell(result)
        self.results.add(result)
        for watcher in self.watchers:
            watcher.finished(result, self.results.all)
        self.streak.add(result)


def _untrained(job: Job, metrics: Metrics) -> TrialResult:
    return replace(failed(job, ""), state="complete", metrics=metrics, reason=None)
