"""What was found out about a task, kept in the cache once the work begins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from paretoprune.storage.atomic import read_sealed, write_sealed

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

    def get_or_compute(self, name: str, *, read: Callable[[Any], F], find: Callable[[], F]) -> F:
        """What is kept under a name, as `read` understands it; else what `find` gives."""
        path = self._folder / f"{name}.json"
        try:
            return read(read_sealed(path))
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            _log.warning("%s is damaged (%s); it is made again", path, error)
        found = find()
        self._new[path] = found.to_json()
        return found

    def commit(self) -> None:
        """Write what is new. To be called when nothing can be refused any more."""
        for path, content in self._new.items():
            write_sealed(path, content)
        self._new.clear()
