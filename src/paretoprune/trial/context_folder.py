"""What a sweep prepared once, on disk: a resumed sweep and every worker start from the same."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from paretoprune.errors import SweepError, WeightsError
from paretoprune.problem.problem import Problem
from paretoprune.pruning.structured.checkpoint import load_state, save_state
from paretoprune.results import EpochTime, Metrics
from paretoprune.storage.atomic import digest_of, read_sealed, write_bytes, write_json, write_sealed
from paretoprune.trial.context import TrialContext, teacher_of
from paretoprune.trial.dense_model import start_from

_log = logging.getLogger(__name__)

_WEIGHTS = "model.safetensors"
_SCORES = "scores.safetensors"
_GATES = "gates.safetensors"
_SEALED = "prepared.json"


def save_context(context: TrialContext, folder: Path) -> None:
    """Write the dense model, its groups, measures and scores."""
    write_json(folder / "groups.json", context.problem.groups.to_json())
    write_json(folder / "data.json", asdict(context.problem.info))
    write_json(folder / "metrics.json", asdict(context.dense_metrics))
    save_state(folder / _WEIGHTS, context.dense)
    files = [_WEIGHTS, _SCORES]
    write_bytes(folder / _SCORES, save(_plain(context.scores)))
    if context.gates is not None:
        files.append(_GATES)
        write_bytes(folder / _GATES, save(_plain(context.gates)))
    # Last, with checksums of the others: what is not whole is made again.
    kept = {
        "digest": context.problem.digest,
        "metrics": asdict(context.dense_metrics),
        "files": {name: digest_of(folder / name) for name in files},
    }
    write_sealed(folder / _SEALED, kept | _training(context))


def save_training(context: TrialContext, folder: Path) -> None:
    """Add the learning rate and the time of an epoch to what `save_context` wrote."""
    write_sealed(folder / _SEALED, read_sealed(folder / _SEALED) | _training(context))


def _training(context: TrialContext) -> dict[str, Any]:
    """What is known of trainings to come."""
    return {
        "learning_rate": context.finetune.learning_rate,
        "epoch_time": context.epoch_time and asdict(context.epoch_time),
    }


def refuse_other_problem(problem: Problem, folder: Path) -> None:
    """Raises SweepError if what is kept was made from other data, weights or model code."""
    try:
        kept = read_sealed(folder / _SEALED)["digest"]
    except (OSError, ValueError, KeyError):
        return  # nothing is there, or something damaged, which is made again
    if kept != problem.digest:
        raise SweepError(
            f"{folder.parent} was made from other data, weights or model code than there are "
            "now; give this sweep another `name`, or remove the folder"
        )


def load_context(problem: Problem, folder: Path) -> TrialContext | None:
    """What `save_context` wrote; None where that is nothing, or is damaged.

    Raises SweepError if it was made from other data or another model.
    """
    refuse_other_problem(problem, folder)
    try:
        kept = read_sealed(folder / _SEALED)
        if any(digest_of(folder / name) != digest for name, digest in kept["files"].items()):
            raise ValueError("a file in it has changed")
        load_state(problem.model, folder / _WEIGHTS)
        scores = _on(problem.device, load_file(folder / _SCORES))
        gates = _on(problem.device, load_file(folder / _GATES)) if _GATES in kept["files"] else None
        metrics = Metrics(**kept["metrics"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, WeightsError) as error:
        _log.warning("%s is damaged (%s); it is made again", folder, error)
        return None
    dense = problem.model.eval()
    finetune = replace(problem.settings.finetune, learning_rate=kept["learning_rate"])
    return TrialContext(
        problem,
        dense,
        metrics,
        start_from(problem, dense),
        scores,
        teacher_of(problem, dense),
        finetune,
        gates=gates,
        epoch_time=kept["epoch_time"] and EpochTime(**kept["epoch_time"]),
    )


def _plain(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.cpu().contiguous() for name, values in scores.items()}


def _on(device: torch.device, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.to(device) for name, values in scores.items()}
