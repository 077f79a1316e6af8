"""Checks and preparation of a sweep: its folder, its problem, what its trials share."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paretoprune.config.redact import redact_uri
from paretoprune.config.settings import Settings
from paretoprune.problem.problem import Problem
from paretoprune.results.measurements import ZEROS
from paretoprune.search.study.open_study import check_storage
from paretoprune.stopwatch import Stopwatch
from paretoprune.storage.atomic import write_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.storage.writable import check_writable
from paretoprune.sweep.baselines import search_settings
from paretoprune.sweep.worker import log_to
from paretoprune.tracking.lightning_loggers import check_loggers
from paretoprune.tracking.uri import resolve_uri, sqlite_file
from paretoprune.trial.context import TrialContext, make_context
from paretoprune.trial.context_folder import (
    keep_fingerprint,
    load_context,
    save_context,
    save_description,
    save_training,
)
from paretoprune.trial.gate_scores import with_gate_scores
from paretoprune.trial.learning_rate import with_tuned_rate

_log = logging.getLogger(__name__)

# The settings that are addresses of services, perhaps with a password.
_ADDRESSES = (("tracking", "uri"), ("search", "storage"), ("executor", "address"))


def folder_of(settings: Settings, config: Mapping[str, Any]) -> SweepFolder:
    """Return the folder of the sweep; a single run without a name is named after its settings."""
    return SweepFolder(settings.sweeps_dir / (settings.name or _single_name(config)))


def check_places(settings: Settings) -> None:
    """Raises SettingsError if a folder, a study, MLflow or a logger cannot be used."""
    if settings.tracking.enabled:
        uri = resolve_uri(settings.tracking.uri, root=Path.cwd())
        if file := sqlite_file(uri):
            check_writable("tracking.uri", file.parent)
    check_loggers(settings.tracking)
    if storage := search_settings(settings).storage:
        check_storage(storage)
    for name in ("sweeps_dir", "cache_dir"):
        check_writable(name, getattr(settings, name))


def prepared_context(problem: Problem, folder: SweepFolder, watch: Stopwatch) -> TrialContext:
    """Return the context that the sweep started with, from its folder; if new, make it."""
    context = load_context(problem, folder.dense, watch)
    if context is None:
        context = make_context(problem, watch)
        if problem.settings.uses_gate_scores:
            context = with_gate_scores(context)
        save_context(context, folder.dense)
        if forecast := problem.costs.forecast:
            write_json(folder.dense / "latency_table.json", forecast.to_json())
    else:
        save_description(context, folder.dense)  # restores what was damaged
    keep_fingerprint(problem.fingerprint, folder.dense)
    return context


def ready_to_train(context: TrialContext, folder: SweepFolder) -> TrialContext:
    """Return the context with the learning rate and the time of an epoch, determined once."""
    tuned = with_tuned_rate(context, search_settings(context.settings).budget)
    if tuned is not context:
        save_training(tuned, folder.dense)
    return tuned


def describe(problem: Problem, folder: SweepFolder) -> None:
    """Log the folder, the data, the size of the dense model and the dimensions of the search."""
    groups, dense = problem.groups, problem.costs.cost_of({})
    _log.info("results go to %s", folder.path)
    _log.info("data: %s", problem.info.split)
    _log.info(
        "dense model: %s parameters, %s MACs; %d %s can be pruned",
        f"{dense.params:,}",
        f"{dense.macs:,}",
        len(groups.prunable),
        "layers" if problem.space.layers else "groups",
    )
    if problem.space.layers:
        _log.info(ZEROS)
    if groups.factored:
        verb = "may be" if problem.settings.compares_ranks else "are"
        _log.info("the ranks of %d layers %s searched", len(groups.factored), verb)
    for kept in groups.kept:
        _log.info("kept whole: %s (%d channels): %s", kept.name, kept.width, kept.reason)


def without_secrets(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config as it may be stored: URIs of databases without passwords."""
    clean = dict(config)
    for group, setting in _ADDRESSES:
        if (config.get(group) or {}).get(setting):
            clean[group] = {**clean[group], setting: redact_uri(config[group][setting])}
    return clean


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Write the package's messages to the sweep's log too."""
    handler = log_to(path)
    try:
        yield
    finally:
        logging.getLogger("paretoprune").removeHandler(handler)
        handler.close()


def _single_name(config: Mapping[str, Any]) -> str:
    """Return a name for a single run; the same settings give the same name."""
    text = json.dumps(config, sort_keys=True, default=str)
    return f"single-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
