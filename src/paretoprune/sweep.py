"""The loop of a sweep: ask, run, tell, record, resume. Knows names and numbers, not networks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from paretoprune.config import SearchSettings, SparsitySettings
from paretoprune.executors import Executor
from paretoprune.results import Cost, Job, Metrics, Proposal, TrialResult
from paretoprune.search import Ledger, Strategy, broken_limits, front_of
from paretoprune.sweep_folder import SweepFolder

_log = logging.getLogger(__name__)

# So many proposals in a row that lead to nothing new mean that the space is used up.
_MAX_IDLE = 50


@dataclass(frozen=True)
class Problem:
    """All that the search knows of a network."""

    widths_of: Callable[[Mapping[str, float]], dict[str, int]]
    cost_of: Callable[[Mapping[str, float]], Cost]  # exact, without building a model


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
) -> list[TrialResult]:
    """Search until `search.n_trials` different architectures are on record; what is there counts.

    The proposals in `first` come before those of the strategy. Returns all results by number. Each
    is on disk before anybody is told of it.
    """
    state = _State(
        problem, first, strategy, ledger, folder, search, sparsity, seed, watchers=watchers
    )
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
        self.results: list[TrialResult] = []
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
        for watcher in self.watchers:
            watcher.begun(self.results)

    def next_job(self) -> Job | None:
        """The next architecture that nobody has tried; None if there is nothing to start now."""
        for _ in range(_MAX_IDLE):
            if self._num_counted() >= self.search.n_trials:
                return None
            job = self._propose()
            if job is None:
                return None
            rejected = self._without_training(job)
            if rejected is None:
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

    def _num_counted(self) -> int:
        """Trials that count against `n_trials`: not those that were settled without training."""
        untrained = ("duplicate", "infeasible")
        free = sum(r.state in untrained and not r.seconds for r in self.results)
        return len(self.results) - free + len(self.running)

    def _propose(self) -> Job | None:
        taken = {result.number for result in self.results} | set(self.running)
        number = next(n for n in range(len(taken) + 1) if n not in taken)
        if number < len(self.first):
            proposal = self.first[number]
        elif (found := self._ask(number)) is not None:
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
        )

    def _ask(self, number: int) -> Proposal | None:
        return self.strategy.propose(number, self.results, list(self.running.values()))

    def _without_training(self, job: Job) -> TrialResult | None:
        """The result of a job that need not run: a duplicate, or one over a limit."""
        cost = self.problem.cost_of(job.ratios)
        same = next((r for r in self.results if r.widths == job.widths), None)
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
        self.results.append(result)
        self.results.sort(key=lambda r: r.number)
        for watcher in self.watchers:
            watcher.finished(result, self.results)


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
    )
