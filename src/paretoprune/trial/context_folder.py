"""Storage of the trial context, from which resumed sweeps and workers start."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from paretoprune.errors import SweepError, WeightsError
from paretoprune.problem.problem import Problem
from paretoprune.pruning.structured.checkpoint import load_state, save_state
from paretoprune.results import EpochTime, Metrics
from paretoprune.stopwatch import Stopwatch
from paretoprune.storage.atomic import digest_of, read_sealed, write_bytes, write_json, write_sealed
from paretoprune.storage.fingerprint import Fingerprint, listed
from paretoprune.storage.qualities import read_trivial, write_qualities
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.nest import map_tensors, tensors_in
from paretoprune.trial.context import (
    NUM_CALIBRATION,
    DenseModel,
    Start,
    TrialContext,
    TrialTraining,
    teacher_of,
)
from paretoprune.trial.dense_model import start_from

_log = logging.getLogger(__name__)

_WEIGHTS = "model.safetensors"
_SCORES = "scores.safetensors"
_GATES = "gates.safetensors"
_CALIBRATION = "calibration.safetensors"
_SEALED = "prepared.json"
_FINGERPRINT = "fingerprint.json"


def save_context(context: TrialContext, folder: Path) -> None:
    """Write the dense model, its groups, metrics and scores."""
    dense, start = context.dense, context.start
    save_description(context, folder)
    save_state(folder / _WEIGHTS, dense.model)
    files = [_WEIGHTS, _SCORES]
    write_bytes(folder / _SCORES, save(_plain(start.scores)))
    if context.gates is not None:
        files.append(_GATES)
        write_bytes(folder / _GATES, save(_plain(context.gates)))
    if context.calibration is not None:
        files.append(_CALIBRATION)
        write_bytes(folder / _CALIBRATION, save(_numbered(context.calibration)))
    # Written last, with checksums of the other files, so that partial writes are detected.
    kept = {
        "metrics": dense.metrics.to_json(),
        "files": {name: digest_of(folder / name) for name in files},
    }
    write_sealed(folder / _SEALED, kept | _training(context.training))


def save_description(context: TrialContext, folder: Path) -> None:
    """Write what other commands read of the problem: its groups, its data, the dense metrics."""
    problem, dense = context.problem, context.dense
    write_json(folder / "groups.json", problem.groups.to_json())
    write_json(folder / "data.json", asdict(problem.info))
    write_json(folder / "metrics.json", dense.metrics.to_json())
    write_qualities(folder, problem.task.qualities, dense.trivial)


def save_training(context: TrialContext, folder: Path) -> None:
    """Add the tuned learning rate and the epoch time to the files of `save_context`."""
    write_sealed(folder / _SEALED, read_sealed(folder / _SEALED) | _training(context.training))


def _training(training: TrialTraining) -> dict[str, Any]:
    """Return the hyperparameters and times for the trials' training, as JSON."""
    return {
        "learning_rate": training.finetune.learning_rate,
        "epoch_time": training.epoch_time and asdict(training.epoch_time),
    }


def refuse_other_problem(now: Fingerprint, folder: Path) -> None:
    """Raise SweepError if the sweep was made from other data, weights or code.

    Package versions may differ, and network outputs within rounding.
    """
    earlier, _ = _kept_fingerprint(folder)
    if earlier and (changes := now.changes(earlier)):
        raise SweepError(
            f"{folder.parent} was made from other data, weights or code than there are now; "
            f"changed since: {listed(changes)}; give this sweep another `name`, or remove the "
            "folder"
        )


def keep_fingerprint(now: Fingerprint, folder: Path) -> None:
    """Write the fingerprint unless it exists; warn if it cannot be compared or versions differ."""
    earlier, damage = _kept_fingerprint(folder)
    if earlier is None:
        if damage or any((folder.parent / "trials").glob("*/result.json")):
            _log.warning(
                "%s %s: data and code cannot be compared with those that it was made from",
                folder.parent,
                damage or "is from an earlier version",
            )
        write_sealed(folder / _FINGERPRINT, now.to_json())
    elif versions := now.version_changes(earlier):
        _log.warning("%s was begun with other versions: %s", folder.parent, listed(versions))


def _kept_fingerprint(folder: Path) -> tuple[Fingerprint | None, str]:
    """Return the stored fingerprint; if it exists but is unreadable, None and the reason."""
    try:
        return Fingerprint.from_json(read_sealed(folder / _FINGERPRINT)), ""
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError, TypeError, KeyError) as error:
        return None, f"has a {_FINGERPRINT} that cannot be read ({error})"


def load_context(
    problem: Problem, folder: Path, watch: Stopwatch | None = None
) -> TrialContext | None:
    """Load the context written by `save_context`; None if it is missing or damaged.

    Raises SweepError if the sweep was made from other data, weights or code.
    """
    refuse_other_problem(problem.fingerprint, folder)
    try:
        kept = read_sealed(folder / _SEALED)
        if any(digest_of(folder / name) != digest for name, digest in kept["files"].items()):
            raise ValueError("a file in it has changed")
        load_state(problem.model, folder / _WEIGHTS)
        scores = _on(problem.device, load_file(folder / _SCORES))
        gates = _on(problem.device, load_file(folder / _GATES)) if _GATES in kept["files"] else None
        metrics = Metrics.from_json(kept["metrics"])
        trivial = read_trivial(folder)
        calibration = _calibration(problem, folder, kept["files"])
        start = start_from(problem, problem.model.eval())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, WeightsError) as error:
        _log.warning("%s is damaged (%s); it is rebuilt", folder, error)
        return None
    dense = problem.model.eval()
    epoch_time = kept["epoch_time"] and EpochTime(**kept["epoch_time"])
    finetune = replace(problem.settings.finetune, learning_rate=kept["learning_rate"])
    return TrialContext(
        problem,
        DenseModel(dense, metrics, trivial),
        Start(start, scores),
        TrialTraining(finetune, teacher_of(problem, dense), epoch_time),
        gates=gates,
        calibration=calibration,
        watch=watch or Stopwatch(),
    )


def _calibration(problem: Problem, folder: Path, files: Container[str]) -> TaskBatch | None:
    """Return the stored samples, in a batch like those of the training data."""
    if _CALIBRATION not in files:
        return None
    stored = _on(problem.device, load_file(folder / _CALIBRATION))
    batch = problem.data.first_samples(NUM_CALIBRATION)
    if len(stored) != len(_numbered(batch)):
        raise ValueError("its calibration samples are those of an earlier version")
    tensors = (stored[f"{place}"] for place in count())
    return replace(batch, batch=map_tensors(batch.batch, lambda _: next(tensors)))


def _numbered(samples: TaskBatch) -> dict[str, Tensor]:
    return _plain({f"{place}": one for place, one in enumerate(tensors_in(samples.batch))})


def _plain(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.cpu().contiguous() for name, values in scores.items()}


def _on(device: torch.device, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.to(device) for name, values in scores.items()}
