"""The identifier of a sweep, by which MLflow and shared studies recognise its trials."""

from __future__ import annotations

import logging
import re
import uuid
from pathlib import Path

from paretoprune.storage.atomic import read_sealed, write_sealed

_BARE = re.compile("[0-9a-f]{32}")  # the format of earlier versions

_log = logging.getLogger(__name__)


def kept_identity(*places: Path) -> str:
    """Return the identifier in the first undamaged file; a new one if there is none.

    All files hold the same identifier afterwards. Several copies are kept, because with another one
    all trials would be sent to MLflow again.
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
    """Return the identifier in a file, sealed or bare; None if it is missing or damaged."""
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
