"""The qualities of a sweep's task, kept beside its dense model in `qualities.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from paretoprune.metrics import Quantity, register
from paretoprune.storage.atomic import read_json, write_json

_FILE = "qualities.json"
_TOP = 5


def write_qualities(
    folder: Path, qualities: Sequence[Quantity], trivial: Mapping[str, float]
) -> None:
    """Write the records of the qualities, and the trivial predictor's values by name."""
    records = [asdict(quality) for quality in qualities]
    write_json(folder / _FILE, {"qualities": records, "trivial": dict(trivial)})


def read_qualities(folder: Path) -> list[Quantity]:
    """Return the records of the task's qualities, the first first; empty for earlier versions.

    Qualities of the user's own task are registered.
    """
    try:
        found = [Quantity(**record) for record in read_json(folder / _FILE)["qualities"]]
        for quality in found:
            register(quality)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []
    return found


def read_trivial(folder: Path) -> dict[str, float]:
    """Return the trivial predictor's qualities by name.

    For classifiers of earlier versions, without such a file, the trivial predictor is chance.
    """
    try:
        found = read_json(folder / _FILE)["trivial"]
        return {name: float(value) for name, value in found.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return _chance(folder)


def _chance(folder: Path) -> dict[str, float]:
    try:
        data: dict[str, Any] = read_json(folder / "data.json")
        classes = int(data["num_classes"])
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    if classes < 1:
        return {}
    return {
        "accuracy": 100.0 / classes,
        "top5_accuracy": min(100.0, 100.0 * _TOP / classes),
    }
