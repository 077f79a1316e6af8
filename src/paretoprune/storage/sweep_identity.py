"""The identity of a sweep, by which MLflow and shared studies know its trials."""

from __future__ import annotations

import logging
import re
import uuid
from pathlib import Path

from paretoprune.storage.atomic import read_sealed, write_sealed

_BARE = re.compile("[0-9a-f]{32}")  # as earlier versions wrote it

_log = logging.getLogger(__name__)


def kept_identity(*places: Path) -> str:
    """The identity in the first of the files that is whole; a new one where none is.

    All files hold the same afterwards. It is kept more than once, since with another identity
    MLflow would get all trials again.
    """
    found = next((name for path in places if (name := _read(path))), None)
    if found is None and any(path.exists() for path in places):
        _log.warning("%s is damaged; MLflow gets the trials again, as a new sweep's", places[0])
    identity = found or uuid.uuid4().hex
    for path in places:
        if _read_sealed(path) != identity:
            write_sealed(path, {"identity": identity})
    return identity


def _read(path: Path) -> str | None:
    """The identity that a file holds, sealed or bare; None where it is missing or damaged."""
    if (sealed := _read_sealed(path)) is not None:
        return sealed
    try:
        bare = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return bare if _BARE.fullmatch(bare) else None


def _read_sealed(path: Path) -> str | None:
    try:
        return str(read_sealed(path)["identity"])
    except (OSError, ValueError, KeyError):
        return None
