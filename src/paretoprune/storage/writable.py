"""Check of folders that are written to, before any work is done."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from paretoprune.errors import SettingsError


def check_writable(setting: str, folder: Path) -> None:
    """Raises SettingsError where a folder cannot be made or written to.

    A file without a name is made to find out: permissions do not tell of read-only file systems,
    nor of those that hold no files of users, such as /proc.
    """
    place = folder.absolute()
    there = next(path for path in (place, *place.parents) if os.path.lexists(path))
    problem = "is no folder"
    if there.is_dir():
        try:
            tempfile.TemporaryFile(dir=there).close()
        except OSError:
            problem = "cannot be written to"
        else:
            return
    raise SettingsError([f"`{setting}={folder}`: {there} {problem}; choose another place"])
