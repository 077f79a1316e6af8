"""The loop of a sweep: ask, run, tell, record, resume. Knows names and numbers, not networks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from paretoprune.config import SearchSettings, SparsitySettings
from paretoprune.executors import Executor
from paretoprune.results import Budget, Cost, Job, Metrics, Proposal, TrialResult
from paretoprune.search import Ledger, Left, Pace, Strategy, broken_limits, front_of, pace_at
from paretoprune.sweep_folder import SweepFolder

_log = logging.getLogger(__name__)

# So many proposals in a row that lead to nothing new mean that the space is used up.
_MAX_IDLE = 50
_GUESS = 10.0  # seconds of an epoch, where nobody knows better
# A trial that the budget leaves less than this share of its training is not begun.
_LEAST_SHARE = 0.3


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
    watchers: Sequence[Watcher] = (),
    clock: Callable[[], float] | None = None,
) -> list[TrialResult]:
    """Search until the budget is spent, or `search.n_trials` architectures are on record.

    What earlier runs left counts. The proposals in `first` come before those of the strategy.
    `clock` gives the seconds spent on this sweep so far, for budgets in seconds; by default those
    of its trials, and of this run. Returns all results by number. Each is on disk before anybody
    is told of it.
    """
    state = _State(
        problem, first, strategy, ledger, folder, search, sparsity, seed, watchers=watchers
    )
    state.clock = clock or state.seconds_so_far
    state.restore()
    while True:
        while len(state.running) < executor.slots and (job := state.next_job()):
            executor.submit(job)
        if not state.running:
            return state.results
        state.finish(executor.collect())


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
        *,
        watchers: Sequence[Watcher],
    ) -> None:
        self.problem, self.first, self.strategy = problem, first, strategy
        self.ledger, self.folder, self.watchers = ledger, folder, watchers
        self.search, self.sparsity, self.seed = search, sparsity, seed
        self.begun = time.perf_counter()
        self.clock: Callable[[], float] = self.seconds_so_far
        self.results: list[TrialResult] = []
        self.earlier: frozenset[int] = frozenset()  # trials of earlier runs
        self.running: dict[int, Job] = {}
        self.with_weights: set[int] = set()

    def restore(self) -> None:
        """Take over what an earlier run left; results that it could not tell are told now."""
        for result in self.folder.read_results():
            if result.number not in self.ledger.told:
                self.ledger.start(result.number, Proposal(result.ratios, result.origin))
                self.ledger.tell(result)
            self.results.append(result)
        self.with_weights = {result.number for result in self.results}
        self.earlier = frozenset(self.with_weights)
        for watcher in self.watchers:
            watcher.begun(self.results)

    def next_job(self) -> Job | None:
        """The next architecture that nobody has tried; None if there is nothing to start now."""
        for _ in range(_MAX_IDLE):
            left = Left(self.left(), self.problem.epochs, self.pace_at)
            if left.budget.amount <= 0:
                return None
            job = self._propose(left)
            if job is None:
                return None
            rejected = self._without_training(job)
            if rejected is None:
                fitting = self._within(job, left)
                if fitting is None:
                    return None
                job = fitting
                self.running[job.number] = job
                return job
            self._record(rejected)
        _log.warning("the search finds no new architecture; it ends before search.n_trials")
        return None

    def finish(self, result: TrialResult) -> None:
        """Put a collected result on record."""
        del self.running[result.number]
        broken = broken_limits(self.sparsity, result.metrics)
        if result.state == "complete" and broken:
            result = replace(result, state="infeasible", reason="; ".join(broken))
        self._record(result)
        self._drop_weights(result.number)

    def _drop_weights(self, latest: int) -> None:
        """Remove the weights of who left the front, which never comes back, or never was on it."""
        front = front_of(self.results, self.search.objectives)
        parents = {job.parent for job in self.running.values() if job.parent is not None}
        keep = {*front, *self.running, *parents, *self.strategy.needed(self.results)}
        for number in (self.with_weights | {latest}) - keep:
            self.folder.drop_weights(number)
        self.with_weights = keep

    def left(self) -> Budget:
        """What is left of the budget."""
        budget = self.search.budget or Budget(self.search.n_trials, "trials")
        if budget.unit == "trials":
            spent: float = self._num_counted()
        elif budget.unit == "epochs":
            running = (job.epochs or 0.0 for job in self.running.values())
            spent = sum(result.epochs for result in self.results) + sum(running)
        else:
            spent = self.clock()
        return Budget(budget.amount - spent, budget.unit)

    def seconds_so_far(self) -> float:
        """Those of the trials of earlier runs, and of this run."""
        earlier = (sum(r.seconds.values()) for r in self.results if r.number in self.earlier)
        return sum(earlier) + time.perf_counter() - self.begun

    def pace_at(self, macs: float) -> Pace:
        """How long a model of this size trains."""
        return pace_at(self.results, macs) or Pace(self.problem.seconds_per_epoch or _GUESS, 0.0)

    def _within(self, job: Job, left: Left) -> Job | None:
        """The job with as much training as the budget allows; None where that is next to nothing."""
        asked = self.problem.epochs if job.epochs is None else job.epochs
        most = left.epochs(1.0, macs=self.problem.cost_of(job.ratios).macs)
        if left.budget.unit == "trials":
            most = asked
        if most < _LEAST_SHARE * asked:
            return None
        return replace(job, epochs=min(asked, most))

    def _num_counted(self) -> int:
        """Trials that count against `n_trials`: not those that were settled without training."""
        untrained = ("duplicate", "infeasible")
        free = sum(r.state in untrained and not r.seconds for r in self.results)
        return len(self.results) - free + len(self.running)

    def _propose(self, left: Left) -> Job | None:
        taken = {result.number for result in self.results} | set(self.running)
        number = next(n for n in range(len(taken) + 1) if n not in taken)
        if number < len(self.first):
            proposal = self.first[number]
        elif (found := self._ask(number, left)) is not None:
            proposal = found
        else:
            return None
        self.ledger.start(number, proposal)
        return Job(
            number=number,
            origin=proposal.origin,
            ratios=proposal.ratios,
            widths=self.problem.widths_of(proposal.ratios),
            seed=self.seed + number,
            parent=proposal.parent,
            epochs=proposal.epochs,
            rung=proposal.rung,
        )

    def _ask(self, number: int, left: Left) -> Proposal | None:
        return self.strategy.propose(number, self.results, list(self.running.values()), left)

    def _without_training(self, job: Job) -> TrialResult | None:
        """The result of a job that need not run: a duplicate, or one over a limit."""
        cost = _known(self.problem.cost_of(job.ratios))
        same = next(
            (r for r in self.results if r.widths == job.widths and r.rung >= job.rung), None
        )
        if same is not None:
            return replace(
                _untrained(job, same.metrics), state="duplicate", duplicate_of=same.number
            )
        broken = broken_limits(self.sparsity, cost)
        if broken:
            return replace(_untrained(job, cost), state="infeasible", reason="; ".join(broken))
        return None

    def _record(self, result: TrialResult) -> None:
        self.folder.write_result(result)
        self.ledger.tell(result)
        self.results.append(result)
        self.results.sort(key=lambda r: r.number)
        for watcher in self.watchers:
            watcher.finished(result, self.results)


def _known(cost: Cost) -> Metrics:
    return Metrics(params=cost.params, macs=cost.macs)


def _untrained(job: Job, metrics: Metrics) -> TrialResult:
    return TrialResult(
        number=job.number,
        state="complete",
        origin=job.origin,
        ratios=job.ratios,
        widths=job.widths,
        metrics=metrics,
        seed=job.seed,
        parent=job.parent,
        rung=job.rung,
    )
