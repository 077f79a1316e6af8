"""The packages that this user trusted for a sweep on the command line, remembered on this machine.

`pick` and `latency` of a sweep need the trust that `train` was given. It is kept outside the
sweep's folder, in the user's state directory, by the folder's path and the digest of its
`config.yaml`: a folder from elsewhere, or one whose config was edited, has none.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paretoprune.storage.atomic import digest_of, write_json

_log = logging.getLogger(__name__)
_MOST = 1000  # sweeps, the latest ones


def remember_trust(config: Path, packages: Sequence[str]) -> None:
    """Remember the trusted packages of the sweep with this `config.yaml`; never raises."""
    if not packages:
        return
    try:
        entries = _entries()
        entries.pop(_key(config), None)
        entries[_key(config)] = list(packages)
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_json(_file(), dict([*entries.items()][-_MOST:]))
    except OSError as error:
        _log.debug("the trusted packages are not remembered: %s", error)


def remembered_trust(config: Path) -> tuple[str, ...]:
    """Return the packages that were trusted for the sweep with this `config.yaml`."""
    try:
        found = _entries().get(_key(config), [])
    except OSError:
        return ()
    valid = isinstance(found, list) and all(isinstance(name, str) for name in found)
    return tuple(found) if valid else ()


def _file() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local/state") / "paretoprune" / "trust.json"


def _entries() -> dict[str, Any]:
    try:
        entries = json.loads(_file().read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _key(config: Path) -> str:
    return f"{config.resolve()} {digest_of(config)}"
