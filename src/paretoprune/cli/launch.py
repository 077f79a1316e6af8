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

from paretoprune.cli.first import first_proposals, group_infos, reject_unmeetable, search_of
from paretoprune.cli.front import print_front
from paretoprune.cli.interrupt import gentle_interrupt, resume_command
from paretoprune.cli.sent import sweep_tags
from paretoprune.cli.strategy import sensitivity_of, strategy_of
from paretoprune.cli.terminal import Terminal, make_console
from paretoprune.cli.tracked import Tracked
from paretoprune.cli.views import Views
from paretoprune.cli.worker import OpenWorker, log_to
from paretoprune.config import Settings
from paretoprune.config.redact import redact_uri
from paretoprune.errors import SettingsError
from paretoprune.executors import open_executor
from paretoprune.failures import refuse_all_failed
from paretoprune.files import write_json
from paretoprune.latency_table import with_forecast
from paretoprune.learning_rate import with_tuned_rate
from paretoprune.outline import Outline, outline
from paretoprune.prepare import Prepared, prepare, with_gate_scores
from paretoprune.prepared_folder import (
    keep_fingerprint,
    keep_prepared,
    keep_training,
    load_prepared,
    refuse_other_task,
)
from paretoprune.pruning import normalise
from paretoprune.pruning.scorers.lamp import lamp
from paretoprune.results import ZEROS, EpochTime, Job, TrialResult
from paretoprune.search import Ledger, check_storage
from paretoprune.sweep import Problem, run_sweep
from paretoprune.sweep_folder import SweepFolder
from paretoprune.tracking import resolve_uri
from paretoprune.trial import run_trial

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
    extend = search_of(settings).extend
    if settings.tracking.enabled:
        resolve_uri(settings.tracking.uri, root=Path.cwd())
    if storage := search_of(settings).storage:
        check_storage(storage)
    for name in ("sweeps_dir", "cache_dir"):
        _check_writable(name, getattr(settings, name))
    folder.refuse_a_second_driver()
    folder.check_config(config, extend=extend)
    task = with_forecast(outline(settings))
    reject_unmeetable(task)
    refuse_other_task(task, folder.dense)
    with folder.locked(), _logging_to(folder.path / "sweep.log"):
        folder.check_config(config, extend=extend)  # another command may have come in between
        for name, (before, now) in folder.changes(config).items():
            _log.info("the sweep is extended: `%s` was %s and is %s now", name, before, now)
        folder.write_config(config)
        task.findings.keep()
        _describe(task, folder)
        try:
            results = _search(_prepared(task, folder), folder, config, console)
        except KeyboardInterrupt:
            _log.warning("stopped; what finished is kept. To go on: %s", resume_command())
            raise
        print_front(console, results, search_of(settings).objectives, folder.path)
        refuse_all_failed(results)


def _check_writable(setting: str, folder: Path) -> None:
    """Raises SettingsError where a folder cannot be made or written to."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        problem = "cannot be written to" if there.is_dir() else "is no folder"
        raise SettingsError([f"`{setting}={folder}`: {there} {problem}; choose another place"])


def _prepared(task: Outline, folder: SweepFolder) -> Prepared:
    """What was prepared when the sweep began; at its beginning, prepared now."""
    prepared = load_prepared(task, folder.dense)
    if prepared is None:
        prepared = prepare(task)
        if task.settings.goes_by_gates:
            prepared = with_gate_scores(prepared)
        keep_prepared(prepared, folder.dense)
        if task.forecast:
            write_json(folder.dense / "latency_table.json", task.forecast.to_json())
    keep_fingerprint(task, folder.dense)
    return prepared


def _ready_to_train(prepared: Prepared, folder: SweepFolder) -> Prepared:
    """The same with the learning rate and the time of an epoch, which are found once."""
    tuned = with_tuned_rate(prepared, search_of(prepared.outline.settings).budget)
    if tuned is not prepared:
        keep_training(tuned, folder.dense)
    return tuned


def _search(
    prepared: Prepared, folder: SweepFolder, config: Mapping[str, Any], console: Console
) -> list[TrialResult]:
    task, settings = prepared.outline, prepared.outline.settings
    search = search_of(settings)
    scores = comparable_scores(prepared)
    sensitivity = sensitivity_of(prepared, folder.dense / "sensitivity.json")
    ledger = Ledger(
        folder.study,
        name=folder.path.name,
        groups=group_infos(task),
        objectives=search.objectives,
        sampler=search.sampler,
        max_ratio=search.max_ratio,
        seed=settings.seed,
        storage=search.storage,
        owner=folder.identity() if search.storage else "",
    )

    # What is not trained comes first in a search by time, and need not wait for a learning rate.
    ready = cache(lambda: _ready_to_train(prepared, folder))
    if settings.executor.name != "inline":
        ready()  # workers load what is on disk

    def epoch_time() -> EpochTime | None:
        return ready().epoch_time

    def evaluate(job: Job) -> TrialResult:
        chosen = prepared if job.epochs == 0 else ready()
        return run_trial(chosen, job, folder=folder.trial(job.number))

    first = first_proposals(task, scores, sensitivity)
    searches = settings.search is not None or settings.sparsity.accuracy_drop is not None
    strategy = strategy_of(
        prepared,
        ledger,
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
        Tracked(
            settings.tracking,
            folder,
            search.objectives,
            sweep_tags(config),
            groups=[group.name for group in group_infos(task)],
        ) as tracked,
        Views(folder) as views,
        Terminal(console, search) as terminal,
    ):
        results = run_sweep(
            Problem(
                task.widths_of,
                task.cost_of,
                epochs=settings.trial_epochs,
                epoch_time=epoch_time,
            ),
            first,
            strategy,
            ledger=ledger,
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


def comparable_scores(prepared: Prepared) -> dict[str, list[float]]:
    """Scores of all channels or units that may be ranked across groups.

    Those of single weights are as they are; those of channels, of layers of all sizes, are divided
    by the mean of their group. `lamp` compares the share of what is left (Lee et al. 2021).
    """
    settings = prepared.outline.settings
    scores = prepared.start.unit_scores(prepared.gates or prepared.scores)
    if settings.sparsity.allocation == "lamp":
        scores = {name: lamp(values.double().square()) for name, values in scores.items()}
    elif settings.granularity.smaller:
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


def _describe(task: Outline, folder: SweepFolder) -> None:
    """Say what the work will be about."""
    groups, info = task.groups, task.info
    dense = task.cost_of({})
    _log.info("results go to %s", folder.path)
    _log.info("data: %s", info.split)
    _log.info(
        "dense model: %s parameters, %s MACs; %d %s can be pruned",
        f"{dense.params:,}",
        f"{dense.macs:,}",
        len(groups.prunable),
        "layers" if task.removable.layers else "groups",
    )
    if task.removable.layers:
        _log.info(ZEROS)
    if task.groups.factored:
        _log.info("the ranks of %d layers are searched", len(task.groups.factored))
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
