"""Check of folders that are written to, before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from paretoprune.errors import SettingsError


def check_writable(setting: str, folder: Path) -> None:
    """Raises SettingsError where a folder cannot be made or written to."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        problem = "cannot be written to" if there.is_dir() else "is no folder"
        raise SettingsError([f"`{setting}={folder}`: {there} {problem}; choose another place"])
