"""From checked settings to a finished sweep: puts the parts together and watches over the run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from rich.console import Console

from paretoprune.cli.first import first_proposals, group_infos, reject_unmeetable, search_of
from paretoprune.cli.terminal import Terminal, print_front, show_logs
from paretoprune.config import Settings
from paretoprune.delivery import write_pictures, write_tables
from paretoprune.executors import Inline
from paretoprune.files import write_json
from paretoprune.outline import Outline, outline
from paretoprune.prepare import Prepared, prepare
from paretoprune.pruning import normalise, save_state
from paretoprune.results import Job, TrialResult
from paretoprune.search import Ledger
from paretoprune.sweep import Problem, front_of, run_sweep
from paretoprune.sweep_folder import SweepFolder
from paretoprune.tracking import open_tracker
from paretoprune.trial import run_trial

_log = logging.getLogger("paretoprune")


def launch(settings: Settings, config: Mapping[str, Any]) -> None:
    """Run what the settings say, from the data to the front; continue it if it was begun.

    Raises a ParetopruneError, with nothing written, for what is wrong from the start.
    """
    console = Console()
    show_logs(console)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    folder = SweepFolder(settings.sweeps_dir / (settings.name or _single_name(config)))
    folder.check_config(config)
    task = outline(settings)
    reject_unmeetable(task)
    with folder.locked(), _logging_to(folder):
        folder.write_config(config)
        _describe(task)
        prepared = prepare(task)
        _keep_dense(folder, prepared)
        results = _search(prepared, folder, console, config)
    print_front(console, results, search_of(task), folder.path)


def _search(
    prepared: Prepared, folder: SweepFolder, console: Console, config: Mapping[str, Any]
) -> list[TrialResult]:
    task, settings = prepared.outline, prepared.outline.settings
    search = search_of(task)
    comparable = normalise(prepared.scores)
    scores = {name: values.tolist() for name, values in comparable.items()}
    ledger = Ledger(
        folder.study,
        name=folder.path.name,
        groups=group_infos(task),
        objectives=search.objectives,
        sampler=search.sampler,
        max_ratio=search.max_ratio,
        seed=settings.seed,
    )

    def evaluate(job: Job) -> TrialResult:
        return run_trial(prepared, job, folder=folder.trial(job.number))

    terminal = Terminal(console, search, done=len(ledger.told()))
    with terminal, _tracked(folder, prepared, config) as tracking:
        try:
            return run_sweep(
                Problem(widths_of=task.widths_of, cost_of=task.cost_of),
                first_proposals(task, scores),
                ledger=ledger,
                folder=folder,
                executor=Inline(evaluate),
                search=search,
                sparsity=settings.sparsity,
                seed=settings.seed,
                watchers=(terminal, tracking),
            )
        finally:
            _render(folder, search)
