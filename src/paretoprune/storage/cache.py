"""The content-addressed cache of results computed for a problem, such as its groups."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from paretoprune.errors import SettingsError
from paretoprune.storage.atomic import write_sealed
from paretoprune.storage.cache_entry import FINGERPRINT, CacheEntry
from paretoprune.storage.fingerprint import Fingerprint, listed

_log = logging.getLogger(__name__)


class Cacheable(Protocol):
    """An object that can be cached as JSON."""

    def to_json(self) -> Mapping[str, Any]:
        """Return plain data that can be serialised as JSON."""


F = TypeVar("F", bound=Cacheable)


KINDS = ("groups", "latency", "dense")  # of entries: its subfolders


class DiskCache:
    """A two-phase cache: entries of earlier commands are read, new ones are written by `commit`.

    `get_or_compute` only holds new entries in memory. `commit` is called once all validation has
    passed, so a command that is refused leaves no files behind. One JSON file per entry, under
    `FOLDER/KIND/`, named by the fingerprint of everything that the value depends on. A damaged
    entry is logged as a warning and recomputed; a stale one is recomputed and its cause logged.
    """

    def __init__(self, folder: Path) -> None:
        """Raises SettingsError where a file is in the place of a folder of the cache."""
        for place in (folder, *(folder / kind for kind in KINDS)):
            if place.is_symlink() or place.exists():
                _check_folder(place)
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
        """Return the cached value, or compute it with `find` and hold it for `commit`.

        Args:
            kind: the subfolder of the cache, such as "groups".
            fingerprint: identifies everything that the value depends on.
            read: converts the JSON data of an entry; may raise ValueError, TypeError or KeyError.
            find: computes the value if no valid entry exists.
        """
        entry = CacheEntry(self._folder / kind, fingerprint)
        try:
            content = entry.read()
            if not entry.is_stale(content):
                del content[FINGERPRINT]
                return read(content)
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            _log.warning("%s is damaged (%s); it is recomputed", entry.path, error)
        if changes := entry.changes():
            _log.info("%s: recomputed, since %s changed", kind, listed(changes))
        found = find()
        self._new[entry.path] = {**found.to_json(), FINGERPRINT: fingerprint.to_json()}
        return found

    def commit(self) -> None:
        """Write the new entries. Call this once all validation has passed."""
        for path, content in self._new.items():
            write_sealed(path, content)
        self._new.clear()


def _check_folder(place: Path) -> None:
    try:
        if place.is_dir():
            return
    except OSError:  # a loop of links
        pass
    raise SettingsError(
        [f"{place} is no folder, but one of the cache; remove it, or choose another `cache_dir`"]
    )
