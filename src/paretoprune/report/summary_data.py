"""Data of the report, read from the sweep's folder alone."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from paretoprune.config.groups.search import DEFAULT_OBJECTIVES
from paretoprune.config.invocation import command_line
from paretoprune.config.redact import redact
from paretoprune.config.targets.trust import own_packages
from paretoprune.errors import SweepError
from paretoprune.metrics import Direction
from paretoprune.numerics import NumericalErrors
from paretoprune.objectives import objectives_of_task
from paretoprune.report.published import Published, read_published
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.results import GroupInfo, TrialResult
from paretoprune.results.trials import ModelKey, models_of
from paretoprune.search.front.front import front_of
from paretoprune.storage.atomic import read_json
from paretoprune.storage.numerics import read_numerics
from paretoprune.storage.qualities import read_qualities, read_trivial
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.storage.sweep_settings import flat

_log = logging.getLogger(__name__)

_CUT = 0.5  # of a group, at which its sensitivity is shown


def facts_of(folder: SweepFolder, results: Sequence[TrialResult]) -> SweepFacts:
    """All that is on record beside `results`. The user's own model need not be importable.

    Raises SweepError where the folder is no sweep's.
    """
    config = folder.read_config()
    trivial, models = read_trivial(folder.dense), models_of(results)
    objectives = objectives_of_task(objectives_of(config), read_qualities(folder.dense))
    ratio, sensitivity = _sensitivity(folder)
    front = front_of(models, objectives)
    return SweepFacts(
        name=folder.name,
        objectives=objectives,
        results=models,
        front=front,
        groups=_groups(folder, results),
        settings={name: redact(value) for name, value in flat(config).items()},
        pick=pick_command(folder),
        scores=_scores(folder),
        sensitivity=sensitivity,
        sensitivity_ratio=ratio,
        published=_published(folder),
        trivial=trivial,
        repeats=_repeats(folder),
        numerics=_numerics(folder, models, front),
    )


def objectives_of(config: Mapping[str, Any]) -> dict[str, Direction]:
    """The objectives in a sweep's config; those of a single run are the default ones."""
    search = config.get("search") or {}
    known = search.get("objectives") or DEFAULT_OBJECTIVES
    return {name: direction for name, direction in known.items() if direction is not None}


def pick_command(folder: SweepFolder) -> str:
    """The command that exports a model of this sweep, to be followed by a rule or trials."""
    path, own = folder.path, own_packages(folder.read_config())
    parent = path.parent.as_posix()
    words = [folder.name]
    words += [f"sweeps_dir={parent}"] if parent != "sweeps" else []
    words += [f"trust=[{','.join(own)}]"] if own else []
    return command_line("pick", *words)


def _groups(folder: SweepFolder, results: Sequence[TrialResult]) -> list[GroupInfo]:
    with _skipping_damage(folder.dense / "groups.json"):
        if known := _read(folder, "groups.json").get("prunable", []):
            return [GroupInfo(group["name"], group["width"]) for group in known]
    dense = next((result for result in results if result.origin == "dense"), None)
    return [GroupInfo(name, width) for name, width in (dense.widths if dense else {}).items()]


def _sensitivity(folder: SweepFolder) -> tuple[float, dict[str, float]]:
    """The ratio to which groups were pruned one at a time, and the damage; nothing if
    unmeasured."""
    with _skipping_damage(folder.dense / "sensitivity.json"):
        if found := _read(folder, "sensitivity.json"):
            levels = found["levels"]
            index = min(range(len(levels)), key=lambda i: abs(levels[i] - _CUT))
            damage = {name: values[index] for name, values in found["damage"].items()}
            return levels[index], damage
    return _CUT, {}


def _scores(folder: SweepFolder) -> dict[str, list[float]]:
    """Return the gate scores of the channels if the search used them, else those of the scorer."""
    files = [folder.dense / name for name in ("gates.safetensors", "scores.safetensors")]
    file = next((file for file in files if file.is_file()), None)
    if file is not None:
        with _skipping_damage(file):
            return {name: _few(values.ravel()) for name, values in load_file(file).items()}
    return {}


def _few(scores: NDArray[np.float32]) -> list[float]:
    """All scores; of very many, those of single weights, a thousand from low to high."""
    few = scores if len(scores) < 2000 else np.sort(scores)[:: len(scores) // 1000]
    return [float(score) for score in few]


def _repeats(folder: SweepFolder) -> dict[int, list[float]]:
    """Return the validation qualities of other seeds by trial, without those trained longer."""
    found = {}
    for file in folder.path.glob("picked/*/metrics.json"):
        with _skipping_damage(file):
            export = read_json(file)
            if export.get("repeats") and not export.get("extra_epochs"):
                accuracies = [float(repeat["validation"]) for repeat in export["repeats"]]
                found[int(export["trial"])] = accuracies
    return found


def _numerics(
    folder: SweepFolder, models: Sequence[TrialResult], front: Collection[ModelKey]
) -> dict[ModelKey, NumericalErrors]:
    """The numerical errors of the quantized models of the front, from their trials' folders."""
    found: dict[ModelKey, NumericalErrors] = {}
    for model in models:
        if model.quantization and model.key in front:
            place = folder.trial(model.number)
            with _skipping_damage(place):
                errors = read_numerics(place).get(model.quantization)
                found |= {model.key: errors} if errors else {}
    return found


def _published(folder: SweepFolder) -> list[Published]:
    if not folder.published.is_file():
        return []
    try:
        return read_published(folder.published)
    except SweepError as error:  # no reason to end a sweep that runs
        _log.warning("%s; the report omits it", error)
        return []


def _read(folder: SweepFolder, name: str) -> dict[str, Any]:
    """A file beside the dense model; empty where the sweep has not written it yet."""
    try:
        found: dict[str, Any] = read_json(folder.dense / name)
    except FileNotFoundError:
        return {}
    return found


@contextmanager
def _skipping_damage(file: Path) -> Iterator[None]:
    """Read a file in the block; damage costs a warning and its part of the report."""
    try:
        yield
    except Exception as error:  # a damaged file can raise any exception
        _log.warning("%s is damaged (%s); the report omits it", file, error)
