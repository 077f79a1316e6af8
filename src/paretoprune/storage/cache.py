"""What was found out about a task, kept in the cache once the work begins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from paretoprune.storage.atomic import write_sealed
from paretoprune.storage.cache_entry import FINGERPRINT, CacheEntry
from paretoprune.storage.fingerprint import Fingerprint, listed

_log = logging.getLogger(__name__)


class Cacheable(Protocol):
    """What can be kept as JSON."""

    def to_json(self) -> Mapping[str, Any]:
        """Plain data."""


F = TypeVar("F", bound=Cacheable)


class DiskCache:
    """What earlier commands found is read; what this one finds is written by `keep` alone.

    So a command that is refused leaves nothing behind.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new: dict[Path, Mapping[str, Any]] = {}

    def get_or_compute(
        self,
        kind: str,
        fingerprint: Fingerprint,
        *,
        read: Callable[[Any], F],
        find: Callable[[], F],
    ) -> F:
        """What is kept of this kind and fingerprint, as `read` understands it; else what `find`
        gives."""
        entry = CacheEntry(self._folder / kind, fingerprint)
        try:
            content = entry.read()
            if not entry.is_stale(content):
                del content[FINGERPRINT]
                return read(content)
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            _log.warning("%s is damaged (%s); it is made again", entry.path, error)
        if changes := entry.changes():
            _log.info("%s: found anew, since %s changed", kind, listed(changes))
        found = find()
        self._new[entry.path] = {**found.to_json(), FINGERPRINT: fingerprint.to_json()}
        return found

    def commit(self) -> None:
        """Write what is new. To be called when nothing can be refused any more."""
        for path, content in self._new.items():
            write_sealed(path, content)
        self._new.clear()
