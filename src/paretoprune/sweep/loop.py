"""The loop of a sweep: take a trial from the queue, run it, record it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.executors.interface import Executor
from paretoprune.results import Proposal, TrialResult
from paretoprune.search.search_problem import SearchProblem
from paretoprune.search.strategies.interface import Strategy
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.budget import BudgetTracker
from paretoprune.sweep.queue import Queue
from paretoprune.sweep.record import Record, Watcher

_log = logging.getLogger(__name__)

_FLUSH_PATIENCE_S = 60.0  # for a study that another program has locked


def run_sweep(
    problem: SearchProblem,
    first: Sequence[Proposal],
    strategy: Strategy,
    *,
    study: SweepStudy,
    folder: SweepFolder,
    executor: Executor,
    search: SearchSettings,
    sparsity: SparsitySettings,
    seed: int,
    retries: int = 2,
    watchers: Sequence[Watcher] = (),
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] | None = None,
    tell_end: Callable[[str], None] = lambda _: None,
) -> list[TrialResult]:
    """Search until the budget is spent, or `search.n_trials` architectures are recorded.

    Trials of earlier runs count. The proposals in `first` come before those of the strategy.
    `clock` gives the seconds spent on this sweep so far, for budgets in seconds; by default those
    of its trials, and of this run. `tell_end` gets the reason why the search ends. Returns all
    results by number. Each is on disk before watchers are notified. A trial whose process died is
    run again, up to `retries` times. Once `stop` is true, only running trials are finished. Raises
    SweepError after ten failures in a row with the same cause.
    """
    record = Record(folder, study, strategy, search, sparsity, retries=retries, watchers=watchers)
    results, unfinished, slots = record.results, record.unfinished, executor.slots
    account = BudgetTracker(problem, search, results, unfinished, clock=clock, workers=slots)
    queue = Queue(problem, first, strategy, record, account, search, sparsity, seed=seed)
    try:
        record.restore()
        account.restore()
        if results.all:
            _log.info("%s", account.in_words())
        _run_trials(queue, record, executor, stop)
        study.flush(patience_s=_FLUSH_PATIENCE_S)
        if not stop():
            tell_end(queue.why_ended())
        return results.all
    except BaseException:
        unfinished.excuse_running()
        raise


def _run_trials(queue: Queue, record: Record, executor: Executor, stop: Callable[[], bool]) -> None:
    """Keep the executor's slots busy until the queue is empty or `stop` is true."""
    running = record.unfinished.running
    while True:
        while not stop() and len(running) < executor.slots:
            if (job := queue.next_job()) is None:
                break
            executor.submit(job)
        if not running:
            return
        record.collect(executor.collect())
