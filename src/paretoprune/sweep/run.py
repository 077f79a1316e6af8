"""A sweep from validated settings to its results, started or continued in its folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.instantiate import build
from paretoprune.config.settings import Settings
from paretoprune.executors.attempt import Evaluate
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.executors.packages import check_installed
from paretoprune.metrics import Direction
from paretoprune.problem.latency_table import with_forecast
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.problem.sources import Sources
from paretoprune.results import EpochTime, Job, TrialResult
from paretoprune.search.search_problem import SearchProblem
from paretoprune.search.study.study import SweepStudy
from paretoprune.stopwatch import Stopwatch
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import (
    first_proposals,
    reject_unmeetable,
    search_of,
    search_settings,
)
from paretoprune.sweep.candidates.dimensions import group_infos
from paretoprune.sweep.loop import run_sweep
from paretoprune.sweep.preparation import (
    check_places,
    describe,
    folder_of,
    logging_to,
    prepared_context,
    ready_to_train,
    without_secrets,
)
from paretoprune.sweep.record import Watcher
from paretoprune.sweep.strategies import least_epochs, sensitivity_of, strategy_of
from paretoprune.sweep.time_account import TimeAccount, in_words
from paretoprune.sweep.worker import OpenWorker
from paretoprune.trial.comparable_scores import comparable_scores
from paretoprune.trial.context import TrialContext
from paretoprune.trial.context_folder import refuse_other_problem
from paretoprune.trial.quantized import reject_unquantizable
from paretoprune.trial.run import run_trial

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BegunSweep:
    """A sweep whose trials are about to start, for its watchers."""

    settings: Settings
    config: Mapping[str, Any]  # as it is stored, without secrets
    folder: SweepFolder
    groups: Sequence[str]  # names, in the network's order
    objectives: Mapping[str, Direction]


@dataclass(frozen=True)
class Watch:
    """Watchers of a running sweep, and the function that asks it to stop.

    Once `stop` gives True nothing new is started, and what runs is finished.
    """

    watchers: Sequence[Watcher] = ()
    stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class SweepResult:
    """A sweep that ended or was stopped."""

    folder: SweepFolder
    objectives: Mapping[str, Direction]
    results: Sequence[TrialResult]  # by number, of earlier runs too
    stopped: bool = False  # `Watch.stop` ended it


Watching = Callable[[BegunSweep], AbstractContextManager[Watch]]


def unwatched(begun: BegunSweep) -> AbstractContextManager[Watch]:
    """Return no watchers."""
    return nullcontext(Watch())


def run(
    settings: Settings,
    config: Mapping[str, Any],
    *,
    sources: Sources | None = None,
    watch: Watching = unwatched,
) -> SweepResult:
    """Run a sweep, or continue it where an earlier run of the same settings stopped.

    Whatever is wrong with settings, data or model is found before anything is written. The
    sweep's folder is locked while it runs, and its log gets the package's messages.

    Args:
        settings: all that decides the sweep.
        config: the same as plain data, which the sweep's folder keeps.
        sources: gives model and data; by default the settings' `_target_`s do.
        watch: opened when the trials begin and closed when they have ended.

    Raises:
        SettingsError: something is wrong with the settings or their combination.
        SweepError: the folder belongs to another sweep or is in use, or ten trials in a row
            failed with the same cause.
        DataError, WeightsError, PruningError: the data, the weights or the network cannot be used.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    config = without_secrets(config)
    folder, extend = folder_of(settings, config), search_settings(settings).extend
    check_installed(settings.executor)
    check_places(settings)
    folder.check_layout()
    folder.refuse_a_second_driver()
    folder.check_config(config, extend=extend)
    problem = _checked_problem(settings, sources, folder)
    with folder.locked(), logging_to(folder.path / "sweep.log"):
        _write_config(folder, config, extend=extend)
        problem.disk.commit()
        describe(problem, folder)
        begun = _begun(problem, folder, config)
        try:
            return _searched(prepared_context(problem, folder, Stopwatch()), begun, watch)
        except KeyboardInterrupt:
            _log.warning("stopped; what finished is kept")
            raise


def _write_config(folder: SweepFolder, config: Mapping[str, Any], *, extend: bool) -> None:
    folder.check_config(config, extend=extend)  # another process may have come in between
    for name, (before, now) in folder.changes(config).items():
        _log.info("the sweep is extended: `%s` was %s and is %s now", name, before, now)
    folder.write_config(config)


def _checked_problem(settings: Settings, sources: Sources | None, folder: SweepFolder) -> Problem:
    """Return the problem, once its limits can be met and it is the one of the folder."""
    problem = with_forecast(make_problem(settings, sources))
    reject_unmeetable(problem)
    reject_unquantizable(problem)
    refuse_other_problem(problem.fingerprint, folder.dense)
    return problem


def _begun(problem: Problem, folder: SweepFolder, config: Mapping[str, Any]) -> BegunSweep:
    settings = problem.settings
    groups = [group.name for group in problem.groups.prunable]
    return BegunSweep(settings, config, folder, groups, search_of(problem).objectives)


def _searched(context: TrialContext, begun: BegunSweep, watch: Watching) -> SweepResult:
    problem, settings, folder = context.problem, begun.settings, begun.folder
    search = search_of(problem)
    scores = comparable_scores(context)
    sensitivity = sensitivity_of(context, folder.dense / "sensitivity.json")
    study = _study(problem, folder)

    # In a search by time, untrained trials come first; they do not wait for a learning rate.
    ready = cache(lambda: ready_to_train(context, folder))
    if not settings.executor.runs_in_process:
        ready()  # workers load what is on disk

    def evaluate(job: Job) -> TrialResult:
        chosen = context if job.epochs == 0 else ready()
        return run_trial(chosen, job, folder=folder.trial(job.number))

    account = TimeAccount(folder.path, context.watch)
    first = first_proposals(problem, scores, sensitivity)
    num_first, trials = len(first), folder.trials
    strategy = strategy_of(
        context, study, scores, sensitivity, ready, num_first=num_first, trials=trials
    )
    executor = _executor(begun, evaluate)
    with closing(executor), watch(begun) as watching:
        results = run_sweep(
            _search_problem(problem, lambda: ready().training.epoch_time),
            first,
            strategy,
            study=study,
            folder=folder,
            executor=executor,
            search=search,
            sparsity=settings.sparsity,
            seed=settings.seed,
            retries=settings.executor.retries,
            watchers=[account, *watching.watchers],
            clock=account.spent,
            stop=watching.stop,
            tell_end=_log_end if _is_search(settings) else _ignore,
        )
        stopped = watching.stop()
    account.save()
    if _is_search(settings):
        _log.info("time: %s", in_words(account.by_use(), _budget_s(search)))
    return SweepResult(folder, search.objectives, results, stopped=stopped)


def _search_problem(problem: Problem, epoch_time: Callable[[], EpochTime | None]) -> SearchProblem:
    return SearchProblem(
        problem.costs.widths_of,
        problem.costs.cost_of,
        epochs=problem.settings.trial_epochs,
        least_epochs=least_epochs(problem.data),
        epoch_time=epoch_time,
        bytes_of_bits=problem.settings.bytes_of_bits,
    )


def _executor(begun: BegunSweep, evaluate: Evaluate) -> Executor:
    """Return the executor of the settings; the caller closes it."""
    settings, folder = begun.settings, begun.folder
    threads = settings.threads or max(1, (os.cpu_count() or 1) // settings.executor.workers)
    context = ExecutorContext(
        evaluate=evaluate,
        open_worker=OpenWorker(
            begun.config, folder.absolute(), Path.cwd(), threads, settings.trust
        ),
        workers=settings.executor.workers,
        time_limit_s=settings.executor.time_limit,
        threads=threads,
        folder=folder.path,
    )
    executor: Executor = build(settings.executor.target, context=context)
    return executor


def _study(problem: Problem, folder: SweepFolder) -> SweepStudy:
    settings = problem.settings
    search = search_of(problem)
    return SweepStudy(
        folder.study,
        name=folder.name,
        groups=group_infos(problem),
        objectives=search.objectives,
        sampler=search.sampler,
        max_ratio=search.max_ratio,
        seed=settings.seed,
        storage=search.storage,
        owner=folder.identity() if search.storage else "",
    )


def _budget_s(search: SearchSettings) -> float | None:
    """The budget in seconds; None if it is of another unit."""
    return search.budget.amount if search.budget and search.budget.unit == "seconds" else None


def _is_search(settings: Settings) -> bool:
    return settings.search is not None or settings.sparsity.bisects_quality


def _log_end(why: str) -> None:
    _log.info("the search ends: %s", why)


def _ignore(why: str) -> None:
    """Do nothing: a run of one candidate ends with it."""
