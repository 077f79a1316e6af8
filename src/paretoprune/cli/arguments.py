"""What the commands beside `train` have in common: `key=value` options, and sweeps by name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from paretoprune.errors import SettingsError, SweepError


def options_of(arguments: Sequence[str]) -> dict[str, str]:
    """`key=value` arguments by key. Raises SettingsError for anything else."""
    options = {}
    for argument in arguments:
        key, separator, value = argument.partition("=")
        if not separator or not value:
            raise SettingsError([f"`{argument}` is not understood; write `key=value`, see --help"])
        options[key] = value
    return options


def reject_unknown(options: Sequence[str], known: Sequence[str]) -> None:
    """Raises SettingsError if an option is none of the `known`."""
    mistakes = []
    for key in options:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean `{close[0]}`? " if close else ""
            mistakes.append(f"`{key}` is not an option; {hint}there are: {', '.join(known)}")
    if mistakes:
        raise SettingsError(mistakes)


def find_sweep(sweeps: Path, name: str) -> Path:
    """The folder of a sweep. Raises SweepError, with what is there, if there is none."""
    folder = sweeps / name
    if (folder / "config.yaml").is_file():
        return folder
    found = sorted(path.parent.name for path in sweeps.glob("*/config.yaml"))
    close = difflib.get_close_matches(name, found, n=1)
    hint = f"did you mean `{close[0]}`? " if close else ""
    there = f"there are: {', '.join(found)}" if found else "run `python -m src.train +sweep=resnet`"
    raise SweepError(f"there is no sweep `{name}` in {sweeps}/; {hint}{there}")
