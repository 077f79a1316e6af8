"""MLflow's SQLite file: created atomically, and checked before MLflow opens it.

If two processes let MLflow create the same file at once, or one is killed meanwhile, the file
cannot be opened by any later command. Here the tables are created in a temporary file that is
renamed when complete.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from paretoprune.storage.folders import force_folder
from paretoprune.tracking.uri import sqlite_uri

if TYPE_CHECKING:
    from sqlalchemy import Engine


def ensure_sqlite(file: Path, *, artifacts: Path) -> None:
    """Create the file with MLflow's tables if it is missing; check that it can be read.

    Raises:
        OSError, sqlite3.Error: the file cannot be created, is locked or is not a database.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        with _lock(file.parent):
            if not file.exists():
                _create(file, artifacts)
    # MLflow itself would retry for most of an hour to open an unreadable file.
    with closing(sqlite3.connect(file, timeout=1)) as connection:
        connection.execute("PRAGMA schema_version").fetchone()


def _create(file: Path, artifacts: Path) -> None:
    draft = file.with_name(f".{file.name}.draft")
    _remove(draft)
    try:
        with _unsynchronised():
            _make_tables(draft, artifacts)
        with closing(sqlite3.connect(draft)) as connection:
            # Stored in the file: readers and a writer no longer block each other.
            connection.execute("PRAGMA journal_mode=WAL")
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(file)
        force_folder(file.parent)
    finally:
        _remove(draft)


def _make_tables(file: Path, artifacts: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with no_stray_folders(sqlite_uri(file)):
        SqlAlchemyStore(sqlite_uri(file), artifacts.as_uri()).engine.dispose()


@contextmanager
def no_stray_folders(uri: str) -> Iterator[None]:
    """Remove the folders that MLflow makes inside by reading an escaped path (`a%3Fb`) as one."""
    folder = Path(uri.partition(":///")[2]).parent
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    finally:
        with suppress(OSError):  # not made, or used by another program meanwhile
            for each in made:
                each.rmdir()


@contextmanager
def _unsynchronised() -> Iterator[None]:
    """Disable fsync for the hundreds of steps of the creation, which saves half of the time."""
    from sqlalchemy import Engine, event

    event.listen(Engine, "connect", _never_wait)
    try:
        yield
    finally:
        event.remove(Engine, "connect", _never_wait)


def write_without_waiting(engine: Engine) -> None:
    """Disable fsync after each step: a trial has six steps, which take half of its time.

    With a write-ahead log, only the latest trials can be lost, and only in a power failure. The
    next run of the command sends them again.
    """
    from sqlalchemy import event

    event.listen(engine, "connect", _wait_rarely)
    engine.dispose()  # closes existing connections


def _never_wait(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _wait_rarely(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def _remove(draft: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system releases even if this process is killed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
