"""Trials of the front, chosen by a request before anything is done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.errors import PickError
from paretoprune.formats.registry import GRAPHS, check_installed
from paretoprune.measure.request import device_of
from paretoprune.metrics import Direction
from paretoprune.pick.quantized import check_options
from paretoprune.pick.request import ExportOptions
from paretoprune.pick.rules import PickRequest, choose
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import models_of
from paretoprune.search.front.front import front_of
from paretoprune.storage.qualities import read_trivial
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import objectives_in


@dataclass(frozen=True)
class Choice:
    """The trials of a sweep that a request picks."""

    folder: SweepFolder
    settings: Settings
    results: Sequence[TrialResult]
    objectives: Mapping[str, Direction]
    trials: Sequence[TrialResult]
    options: ExportOptions


def choose_models(path: Path, request: PickRequest, options: ExportOptions) -> Choice:
    """Choose trials of the front of the sweep in a folder, and check that they can be exported.

    Raises PickError if no trial of the front satisfies the request or a library for a format is
    not installed.
    """
    folder = SweepFolder(path)
    settings = load_settings(folder.read_config(), trust=options.trust)
    results = folder.read_results()
    objectives, models = objectives_in(folder, settings), models_of(results)
    trials = choose(
        models,
        front=front_of(models, objectives),
        dense=next((result.metrics for result in results if result.origin == "dense"), Metrics()),
        request=request,
        objectives=objectives,
        trivial=read_trivial(folder.dense),
    )
    check_options(trials, options)
    for name in options.formats:
        if name in GRAPHS:
            check_installed(name)
    if options.latency:
        device_of(options.latency)
    if options.register and len(trials) > 1:
        numbers = ", ".join(str(trial.number) for trial in trials)
        raise PickError(f"`register` takes one model, and these were picked: {numbers}")
    return Choice(folder, settings, results, objectives, trials, options)
