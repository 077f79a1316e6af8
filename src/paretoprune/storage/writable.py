"""Check of folders that are written to, before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from paretoprune.errors import SettingsError


def check_writable(setting: str, folder: Path) -> None:
    """Raises SettingsError where a folder cannot be made or written to."""
    place = folder.absolute()
    there = next(path for path in (place, *place.parents) if os.path.lexists(path))
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        problem = "cannot be written to" if there.is_dir() else "is no folder"
        raise SettingsError([f"`{setting}={folder}`: {there} {problem}; choose another place"])
