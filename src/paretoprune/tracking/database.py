"""MLflow's SQLite file: created once, all or nothing, and checked before MLflow opens it.

Two processes that let MLflow create the same file at once, or a kill in the middle, leave a file
that no later command can open. Here the tables are made in a draft that is renamed when complete.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from paretoprune.tracking.uri import sqlite_uri

if TYPE_CHECKING:
    from sqlalchemy import Engine


def ensure_sqlite(file: Path, *, artifacts: Path) -> None:
    """Create the file with MLflow's tables unless it is there; check that it can be read.

    Raises:
        OSError, sqlite3.Error: the file cannot be created, is locked or is not a database.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        with _lock(file.parent):
            if not file.exists():
                _create(file, artifacts)
    # MLflow itself would retry a file that cannot be opened for most of an hour.
    with closing(sqlite3.connect(file, timeout=1)) as connection:
        connection.execute("PRAGMA schema_version").fetchone()


def _create(file: Path, artifacts: Path) -> None:
    draft = file.with_name(f".{file.name}.draft")
    _remove(draft)
    try:
        with _unsynchronised():
            _make_tables(draft, artifacts)
        with closing(sqlite3.connect(draft)) as connection:
            # Kept in the file: readers and a writer no longer wait for each other.
            connection.execute("PRAGMA journal_mode=WAL")
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(file)
    finally:
        _remove(draft)


def _make_tables(file: Path, artifacts: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(sqlite_uri(file), artifacts.as_uri()).engine.dispose()


@contextmanager
def _unsynchronised() -> Iterator[None]:
    """Do not wait for the disk after each of the hundreds of steps: half the time is saved."""
    from sqlalchemy import Engine, event

    event.listen(Engine, "connect", _never_wait)
    try:
        yield
    finally:
        event.remove(Engine, "connect", _never_wait)


def write_without_waiting(engine: Engine) -> None:
    """Do not wait for the disk after each step: a trial has six, which take half of its time.

    With a write-ahead log this costs no more than the latest trials, and those only where the
    machine loses its power. The next run of the command sends them again.
    """
    from sqlalchemy import event

    event.listen(engine, "connect", _wait_rarely)
    engine.dispose()  # what is connected already


def _never_wait(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _wait_rarely(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def _remove(draft: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system frees even when this process is killed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
