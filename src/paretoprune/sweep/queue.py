"""The queue of a sweep: the next trial is a pending one, a baseline or a proposal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.executors.attempt import failed
from paretoprune.results import Job, Metrics, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.limits import broken_limits
from paretoprune.search.search_problem import SearchProblem
from paretoprune.search.strategies.interface import Strategy
from paretoprune.sweep.budget import BudgetTracker
from paretoprune.sweep.ending import Ending
from paretoprune.sweep.record import Record

Why = Callable[[], str]  # a sentence that is put together when it is asked for

# Proposals in a row without a new architecture, after which the space counts as exhausted.
_MAX_IDLE = 50
# Baselines may use a third of a budget of time or passes.
_BASELINES = 3


class Queue:
    """Returns architectures that were not tried; resolves those that need no training."""

    def __init__(
        self,
        problem: SearchProblem,
        first: Sequence[Proposal],
        strategy: Strategy,
        record: Record,
        account: BudgetTracker,
        search: SearchSettings,
        sparsity: SparsitySettings,
        *,
        seed: int,
    ) -> None:
        self._problem, self._first, self._strategy = problem, first, strategy
        self._record, self._account = record, account
        self._results, self._unfinished = record.results, record.unfinished
        self._sparsity, self._seed = sparsity, seed
        self._next_number = 0  # all lower ones are taken
        self._ending = Ending(search, len(first))
        self._why: Why = str

    def next_job(self) -> Job | None:
        """Return the next trial, recorded as started; None if nothing can start now."""
        found = self._next_job_or_why()
        if isinstance(found, Job):
            return found
        self._why = found  # of interest only if nothing runs
        return None

    def _next_job_or_why(self) -> Job | Why:
        for _ in range(_MAX_IDLE):
            left = self._account.left()
            enough = left.budget.amount <= 0
            job = self._begun_before() or (None if enough else self._propose(left))
            if job is None:
                return self._spent(left) if enough else self._exhausted(left)
            settled = self._without_training(job)
            if settled is not None:
                self._record.add(settled)
            elif enough or self._unfinished.runs_twin_of(job):
                self._unfinished.again[job.number] = job
                if enough or self._unfinished.num_waiting_twins() > len(self._unfinished.running):
                    return self._spent(left)
            elif (fitting := self._account.fitted(job, left)) is None:
                return self._too_little(left, job)
            else:
                self._record.begin(fitting)
                return fitting
        return lambda: self._ending.all_tried(_MAX_IDLE)

    def why_ended(self) -> str:
        """Return the reason why no further trial starts; called when none runs."""
        nothing = self._ending.nothing_searched(self._results.all)
        return "; ".join(filter(None, [self._why(), nothing]))

    def _spent(self, left: RemainingBudget) -> Why:
        return lambda: self._ending.spent(left.budget, self._results.all)

    def _too_little(self, left: RemainingBudget, job: Job) -> Why:
        needed = self._account.needed(job)
        return lambda: self._ending.too_little_left(left.budget, needed)

    def _exhausted(self, left: RemainingBudget) -> Why:
        return lambda: self._strategy.ending(self._results.all, left)

    def _begun_before(self) -> Job | None:
        """Return a pending trial that can be run now, if there is one."""
        for hopeless in self._unfinished.give_up():
            self._record.add(hopeless)
        for number in sorted(self._unfinished.again):
            waiting = self._unfinished.waiting(number)
            if waiting and (job := self._ready(waiting)) is not None:
                return self._unfinished.take(job.number)
        return None

    def _ready(self, job: Job) -> Job | None:
        """Return the job, or its parent's if the parent's weights are missing or damaged.

        None while that one, or the same architecture, is running, and for an orphan.
        """
        if self._unfinished.runs_twin_of(job):
            return None
        folder = self._record.folder
        while job.parent is not None and not folder.is_whole(job.parent):
            if job.parent in self._unfinished.running:
                return None
            if not self._record.forget(job.parent):
                self._unfinished.drop_orphan(job)
                return None
            job = self._unfinished.again[job.parent]
        return job

    def _propose(self, left: RemainingBudget) -> Job | None:
        number = self._free_number()
        if number < len(self._first):
            proposal = self._baseline(number, left)
        elif (found := self._ask(number, left)) is not None:
            proposal = found
        else:
            return None
        job = Job(
            number=number,
            origin=proposal.origin,
            ratios=proposal.ratios,
            widths=self._problem.widths_of(proposal.ratios),
            seed=self._seed + number,
            parent=proposal.parent,
            epochs=proposal.epochs,
            seconds=proposal.seconds,
            rung=proposal.rung,
            nested=tuple(self._problem.widths_of(ratios) for ratios in proposal.nested),
            rivals=self._results.rivals(self._problem.bytes_of_bits)
            if self._problem.bytes_of_bits
            else (),
        )
        if job.parent is not None and (ready := self._ready(job)) is not job:
            return ready and self._unfinished.take(ready.number)
        return job

    def _baseline(self, number: int, left: RemainingBudget) -> Proposal:
        """Return a baseline with its whole training, or less, so that the strategy has most of the
        budget.

        Of all of them together that is a third. So this one's share of what is left is one of as
        many as there are in three times that, less those before it. It is not trained where that
        would be too short to be of use.
        """
        proposal = self._first[number]
        if left.budget.unit == "trials" or proposal.epochs == 0:
            return proposal
        share = 1 / (_BASELINES * len(self._first) - number)
        macs = self._problem.cost_of(proposal.ratios).macs
        affordable = left.epochs(share, macs=macs)
        if affordable < min(self._problem.epochs, self._problem.least_epochs):
            return replace(proposal, epochs=0.0)
        return replace(
            proposal,
            epochs=min(self._problem.epochs, affordable),
            seconds=left.training(share, macs=macs).seconds,
        )

    def _free_number(self) -> int:
        """Return the lowest number that no trial has or had; a baseline has its own."""
        while self._is_taken(self._next_number):
            self._next_number += 1
        return self._next_number

    def _is_taken(self, number: int) -> bool:
        if number in self._results or number in self._unfinished:
            return True
        return number in self._unfinished.used and number >= len(self._first)

    def _ask(self, number: int, left: RemainingBudget) -> Proposal | None:
        # A trial that waits for its twin is pending, too, and must not be proposed again.
        under_way = self._unfinished.jobs()
        return self._strategy.propose(number, self._results.all, under_way, left)

    def _without_training(self, job: Job) -> TrialResult | None:
        """Return the result of a job that need not run: a duplicate, or one over a limit."""
        cost = self._problem.cost_of(job.ratios)
        same = self._results.twin_of(job)
        if same is not None:
            return replace(
                _untrained(job, same.metrics), state="duplicate", duplicate_of=same.number
            )
        broken = broken_limits(self._sparsity, cost.at_least())
        if broken:
            exact = Metrics(params=cost.params, macs=cost.macs)
            return replace(_untrained(job, exact), state="infeasible", reason="; ".join(broken))
        return None


def _untrained(job: Job, metrics: Metrics) -> TrialResult:
    return replace(failed(job, ""), state="complete", metrics=metrics, reason=None)
