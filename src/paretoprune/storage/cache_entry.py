"""An entry of the cache, named by the fingerprint of its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paretoprune.storage.atomic import read_sealed
from paretoprune.storage.fingerprint import Fingerprint

FINGERPRINT = "fingerprint"  # its key in the JSON file of an entry


@dataclass(frozen=True)
class CacheEntry:
    """`FOLDER/FAMILY-KEY.json` with the fingerprint inside, and optionally files beside it."""

    folder: Path
    fingerprint: Fingerprint

    @property
    def path(self) -> Path:
        """The JSON file."""
        return self.folder / f"{self.fingerprint.family}-{self.fingerprint.key}.json"

    def read(self) -> dict[str, Any]:
        """Return the content of the JSON file. Raises OSError, or ValueError if it is damaged."""
        return read_sealed(self.path)

    def is_stale(self, content: Mapping[str, Any]) -> bool:
        """Return True if the entry belongs to a network with different outputs.

        Raises KeyError, TypeError or ValueError if the content has no valid fingerprint.
        """
        return bool(self.fingerprint.changes(Fingerprint.from_json(content[FINGERPRINT])))

    def changes(self) -> list[str]:
        """Return the names of the parts that changed since the latest entry with the same settings.

        They explain why a value is recomputed. Empty if there is no such entry.
        """
        entries = list(self.folder.glob(f"{self.fingerprint.family}-*.json"))
        if self.path in entries:
            entries = [self.path]
        for path in sorted(entries, key=_modified, reverse=True):
            try:
                earlier = Fingerprint.from_json(read_sealed(path)[FINGERPRINT])
            except (OSError, ValueError, TypeError, KeyError):
                continue
            return self.fingerprint.changes(earlier) + self.fingerprint.version_changes(earlier)
        return []


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # removed by another process
        return 0.0
