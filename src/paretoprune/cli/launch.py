"""From checked settings to a finished sweep: puts the parts together and watches over the run."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from paretoprune.cli.display.front import print_front
from paretoprune.cli.display.terminal import Terminal, make_console
from paretoprune.cli.interrupt import gentle_interrupt, resume_command
from paretoprune.config.redact import redact_uri
from paretoprune.config.settings import Settings
from paretoprune.errors import SettingsError
from paretoprune.executors.open import open_executor
from paretoprune.problem.latency_table import with_forecast
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.pruning.scorers.data_free.lamp import lamp
from paretoprune.pruning.scorers.normalise import normalise
from paretoprune.report.live import LiveReport
from paretoprune.report.mlflow_watcher import MlflowWatcher
from paretoprune.report.sent import sweep_tags
from paretoprune.results import ZEROS, EpochTime, Job, TrialResult
from paretoprune.search.study.open_study import check_storage
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.atomic import write_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import (
    first_proposals,
    group_infos,
    reject_unmeetable,
    search_settings,
)
from paretoprune.sweep.failure_streak import refuse_all_failed
from paretoprune.sweep.loop import run_sweep
from paretoprune.sweep.search_problem import SearchProblem
from paretoprune.sweep.strategies import sensitivity_of, strategy_of
from paretoprune.sweep.worker import OpenWorker, log_to
from paretoprune.tracking.uri import resolve_uri
from paretoprune.trial.context import TrialContext, make_context, with_gate_scores
from paretoprune.trial.context_folder import (
    keep_fingerprint,
    load_context,
    refuse_other_problem,
    save_context,
    save_training,
)
from paretoprune.trial.learning_rate import with_tuned_rate
from paretoprune.trial.run import run_trial

_log = logging.getLogger(__name__)

# The settings that are addresses of services, perhaps with a password.
_ADDRESSES = (("tracking", "uri"), ("search", "storage"), ("executor", "address"))


def launch(settings: Settings, config: Mapping[str, Any]) -> None:
    """Run what the settings say, from the data to the front; continue it if it was begun.

    Raises a ParetopruneError, with nothing written, for what is wrong from the start.
    """
    console = make_console()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    config = _without_secrets(config)
    folder = SweepFolder(settings.sweeps_dir / (settings.name or _single_name(config)))
    extend = search_settings(settings).extend
    if settings.tracking.enabled:
        resolve_uri(settings.tracking.uri, root=Path.cwd())
    if storage := search_settings(settings).storage:
        check_storage(storage)
    for name in ("sweeps_dir", "cache_dir"):
        _check_writable(name, getattr(settings, name))
    folder.refuse_a_second_driver()
    folder.check_config(config, extend=extend)
    problem = with_forecast(make_problem(settings))
    reject_unmeetable(problem)
    refuse_other_problem(problem, folder.dense)
    with folder.locked(), _logging_to(folder.path / "sweep.log"):
        folder.check_config(config, extend=extend)  # another command may have come in between
        for name, (before, now) in folder.changes(config).items():
            _log.info("the sweep is extended: `%s` was %s and is %s now", name, before, now)
        folder.write_config(config)
        problem.disk_cache.commit()
        _describe(problem, folder)
        try:
            results = _search(_context(problem, folder), folder, config, console)
        except KeyboardInterrupt:
            _log.warning("stopped; what finished is kept. To go on: %s", resume_command())
            raise
        print_front(console, results, search_settings(settings).objectives, folder.path)
        refuse_all_failed(results)


def _check_writable(setting: str, folder: Path) -> None:
    """Raises SettingsError where a folder cannot be made or written to."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        problem = "cannot be written to" if there.is_dir() else "is no folder"
        raise SettingsError([f"`{setting}={folder}`: {there} {problem}; choose another place"])


def _context(problem: Problem, folder: SweepFolder) -> TrialContext:
    """What was prepared when the sweep began; at its beginning, prepared now."""
    context = load_context(problem, folder.dense)
    if context is None:
        context = make_context(problem)
        if problem.settings.uses_gate_scores:
            context = with_gate_scores(context)
        save_context(context, folder.dense)
        if problem.forecast:
            write_json(folder.dense / "latency_table.json", problem.forecast.to_json())
    keep_fingerprint(problem, folder.dense)
    return context


def _ready_to_train(context: TrialContext, folder: SweepFolder) -> TrialContext:
    """The same with the learning rate and the time of an epoch, which are found once."""
    tuned = with_tuned_rate(context, search_settings(context.problem.settings).budget)
    if tuned is not context:
        save_training(tuned, folder.dense)
    return tuned


def _search(
    context: TrialContext, folder: SweepFolder, config: Mapping[str, Any], console: Console
) -> list[TrialResult]:
    problem, settings = context.problem, context.problem.settings
    search = search_settings(settings)
    scores = comparable_scores(context)
    sensitivity = sensitivity_of(context, folder.dense / "sensitivity.json")
    study = SweepStudy(
        folder.study,
        name=folder.path.name,
        groups=group_infos(problem),
        objectives=search.objectives,
        sampler=search.sampler,
        max_ratio=search.max_ratio,
        seed=settings.seed,
        storage=search.storage,
        owner=folder.identity() if search.storage else "",
    )

    # What is not trained comes first in a search by time, and need not wait for a learning rate.
    ready = cache(lambda: _ready_to_train(context, folder))
    if settings.executor.name != "inline":
        ready()  # workers load what is on disk

    def epoch_time() -> EpochTime | None:
        return ready().epoch_time

    def evaluate(job: Job) -> TrialResult:
        chosen = context if job.epochs == 0 else ready()
        return run_trial(chosen, job, folder=folder.trial(job.number))

    first = first_proposals(problem, scores, sensitivity)
    searches = settings.search is not None or settings.sparsity.accuracy_drop is not None
    strategy = strategy_of(
        context,
        study,
        scores,
        sensitivity,
        epoch_time,
        num_first=len(first),
        trials=folder.trials,
    )
    threads = settings.threads or max(1, (os.cpu_count() or 1) // settings.executor.workers)
    executor = open_executor(
        settings.executor,
        evaluate=evaluate,
        open_worker=OpenWorker(config, folder.absolute(), Path.cwd(), threads, settings.trust),
        threads=threads,
        folder=folder.path,
    )
    with (
        closing(executor),
        gentle_interrupt() as stop,
        MlflowWatcher(
            settings.tracking,
            folder,
            search.objectives,
            sweep_tags(config),
            groups=[group.name for group in group_infos(problem)],
        ) as tracked,
        LiveReport(folder) as views,
        Terminal(console, search) as terminal,
    ):
        results = run_sweep(
            SearchProblem(
                problem.widths_of,
                problem.cost_of,
                epochs=settings.trial_epochs,
                epoch_time=epoch_time,
            ),
            first,
            strategy,
            study=study,
            folder=folder,
            executor=executor,
            search=search,
            sparsity=settings.sparsity,
            seed=settings.seed,
            retries=settings.executor.retries,
            watchers=(terminal, views, tracked),
            stop=stop,
            tell_end=_tell_end if searches else _say_nothing,
        )
        if stop():
            raise KeyboardInterrupt
    return results


def _tell_end(why: str) -> None:
    _log.info("the search ends: %s", why)


def _say_nothing(why: str) -> None:
    """A run of one candidate ends with it."""


def comparable_scores(context: TrialContext) -> dict[str, list[float]]:
    """Scores of all channels or units that may be ranked across groups.

    Those of single weights are as they are; those of channels, of layers of all sizes, are divided
    by the mean of their group. `lamp` compares the share of what is left (Lee et al. 2021).
    """
    settings = context.problem.settings
    scores = context.start.unit_scores(context.gates or context.scores)
    if settings.sparsity.allocation == "lamp":
        scores = {name: lamp(values.double().square()) for name, values in scores.items()}
    elif settings.granularity.is_structured:
        scores = normalise(scores)
    return {name: values.tolist() for name, values in scores.items()}


def _single_name(config: Mapping[str, Any]) -> str:
    """A name for a single run: the same settings give the same folder."""
    text = json.dumps(config, sort_keys=True, default=str)
    return f"single-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _without_secrets(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as it may be stored: the URIs of databases without their passwords."""
    clean = dict(config)
    for group, setting in _ADDRESSES:
        if (config.get(group) or {}).get(setting):
            clean[group] = {**clean[group], setting: redact_uri(config[group][setting])}
    return clean


def _describe(problem: Problem, folder: SweepFolder) -> None:
    """Say what the work will be about."""
    groups, info = problem.groups, problem.info
    dense = problem.cost_of({})
    _log.info("results go to %s", folder.path)
    _log.info("data: %s", info.split)
    _log.info(
        "dense model: %s parameters, %s MACs; %d %s can be pruned",
        f"{dense.params:,}",
        f"{dense.macs:,}",
        len(groups.prunable),
        "layers" if problem.space.layers else "groups",
    )
    if problem.space.layers:
        _log.info(ZEROS)
    if problem.groups.factored:
        _log.info("the ranks of %d layers are searched", len(problem.groups.factored))
    for kept in groups.kept:
        _log.info("kept whole: %s (%d channels): %s", kept.name, kept.width, kept.reason)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Whatever the package says goes to the sweep's log too."""
    handler = log_to(path)
    try:
        yield
    finally:
        logging.getLogger("paretoprune").removeHandler(handler)
        handler.close()
