"""Numerical errors of the quantized models of a trial, in a file of the trial's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from paretoprune.numerics import NumericalErrors
from paretoprune.storage.atomic import read_json, write_json

_FILE = "numerics.json"


def write_numerics(folder: Path, errors: Mapping[str, NumericalErrors]) -> None:
    """Write the errors by the names of the quantized models; nothing if there are none."""
    if errors:
        write_json(folder / _FILE, {name: found.to_json() for name, found in errors.items()})


def read_numerics(folder: Path) -> dict[str, NumericalErrors]:
    """Return the errors by the names of the quantized models; empty if none were written."""
    try:
        found = read_json(folder / _FILE)
    except FileNotFoundError:
        return {}
    return {name: NumericalErrors.from_json(errors) for name, errors in found.items()}
