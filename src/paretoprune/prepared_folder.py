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

from paretoprune.dense import start_from
from paretoprune.errors import SweepError, WeightsError
from paretoprune.files import digest_of, read_sealed, write_bytes, write_json, write_sealed
from paretoprune.fingerprint import Fingerprint, listed
from paretoprune.low_rank import with_pairs
from paretoprune.outline import Outline
from paretoprune.prepare import Prepared, teacher_of
from paretoprune.pruning import Candidate, Narrowed, Plan, save_state
from paretoprune.pruning.checkpoint import load_state
from paretoprune.results import EpochTime, Metrics

_log = logging.getLogger(__name__)

_WEIGHTS = "model.safetensors"
_PAIRS = "pairs.safetensors"  # of the network that trials cut, where ranks are searched
_SCORES = "scores.safetensors"
_GATES = "gates.safetensors"
_SEALED = "prepared.json"
_FINGERPRINT = "fingerprint.json"


def keep_prepared(prepared: Prepared, folder: Path) -> None:
    """Write the dense model, its groups, measures and scores."""
    write_json(folder / "groups.json", prepared.outline.groups.to_json())
    write_json(folder / "data.json", asdict(prepared.outline.info))
    write_json(folder / "metrics.json", asdict(prepared.dense_metrics))
    save_state(folder / _WEIGHTS, prepared.dense)
    files = [_WEIGHTS, _SCORES]
    if prepared.outline.groups.factored:
        files.append(_PAIRS)
        save_state(folder / _PAIRS, prepared.start.model)
    write_bytes(folder / _SCORES, save(_plain(prepared.scores)))
    if prepared.gates is not None:
        files.append(_GATES)
        write_bytes(folder / _GATES, save(_plain(prepared.gates)))
    # Last, with checksums of the others: what is not whole is made again.
    kept = {
        "metrics": asdict(prepared.dense_metrics),
        "files": {name: digest_of(folder / name) for name in files},
    }
    write_sealed(folder / _SEALED, kept | _training(prepared))


def keep_training(prepared: Prepared, folder: Path) -> None:
    """Add the learning rate and the time of an epoch to what `keep_prepared` wrote."""
    write_sealed(folder / _SEALED, read_sealed(folder / _SEALED) | _training(prepared))


def _training(prepared: Prepared) -> dict[str, Any]:
    """What is known of trainings to come."""
    return {
        "learning_rate": prepared.finetune.learning_rate,
        "epoch_time": prepared.epoch_time and asdict(prepared.epoch_time),
    }


def refuse_other_task(task: Outline, folder: Path) -> None:
    """Raises SweepError if the sweep was made from other data, weights or code.

    Versions of packages may differ, and so may the network's outputs by what rounding does.
    """
    earlier, _ = _kept_fingerprint(folder)
    if earlier and (changes := task.fingerprint.changes(earlier)):
        raise SweepError(
            f"{folder.parent} was made from other data, weights or code than there are now; "
            f"changed since: {listed(changes)}; give this sweep another `name`, or remove the "
            "folder"
        )


def keep_fingerprint(task: Outline, folder: Path) -> None:
    """Write what the sweep is made from, unless it is there; warn of what cannot be compared."""
    earlier, problem = _kept_fingerprint(folder)
    if earlier is None:
        if problem or any((folder.parent / "trials").glob("*/result.json")):
            _log.warning(
                "%s %s: data and code cannot be compared with those that it was made from",
                folder.parent,
                problem or "is from an earlier version",
            )
        write_sealed(folder / _FINGERPRINT, task.fingerprint.to_json())
    elif versions := task.fingerprint.version_changes(earlier):
        _log.warning("%s was begun with other versions: %s", folder.parent, listed(versions))


def _kept_fingerprint(folder: Path) -> tuple[Fingerprint | None, str]:
    """What the sweep was made from, if that is known, else why not, where something is there."""
    try:
        return Fingerprint.from_json(read_sealed(folder / _FINGERPRINT)), ""
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError, TypeError, KeyError) as error:
        return None, f"has a {_FINGERPRINT} that cannot be read ({error})"


def load_prepared(task: Outline, folder: Path) -> Prepared | None:
    """What `keep_prepared` wrote; None where that is nothing, or is damaged.

    Raises SweepError if the sweep was made from other data, weights or code.
    """
    refuse_other_task(task, folder)
    try:
        kept = read_sealed(folder / _SEALED)
        if any(digest_of(folder / name) != digest for name, digest in kept["files"].items()):
            raise ValueError("a file in it has changed")
        load_state(task.model, folder / _WEIGHTS)
        scores = _on(task.device, load_file(folder / _SCORES))
        gates = _on(task.device, load_file(folder / _GATES)) if _GATES in kept["files"] else None
        metrics = Metrics(**kept["metrics"])
        start = _start(task, folder)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, WeightsError) as error:
        _log.warning("%s is damaged (%s); it is made again", folder, error)
        return None
    dense = task.model.eval()
    finetune = replace(task.settings.finetune, learning_rate=kept["learning_rate"])
    return Prepared(
        task,
        dense,
        metrics,
        start,
        scores,
        teacher_of(task, dense),
        finetune,
        gates=gates,
        epoch_time=kept["epoch_time"] and EpochTime(**kept["epoch_time"]),
    )


def _start(task: Outline, folder: Path) -> Candidate:
    """What trials cut; the components of factored layers are those that were kept."""
    if not task.groups.factored:
        return start_from(task, task.model.eval())
    form = with_pairs(task.model, task.groups.factored).eval()
    load_state(form, folder / _PAIRS)
    return Narrowed(form, Plan({}), task.groups.prunable)


def _plain(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.cpu().contiguous() for name, values in scores.items()}


def _on(device: torch.device, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.to(device) for name, values in scores.items()}
