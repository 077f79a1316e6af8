"""Opening of a sweep's Optuna study: a local file, rebuilt if damaged, or a database server."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from paretoprune.errors import DiskFullError, SweepError
from paretoprune.metrics import Direction
from paretoprune.storage.folders import force_folder

_log = logging.getLogger(__name__)

# Without a pool, connections are closed right after use. The timeout for locks is short, because
# the search continues meanwhile.
_ENGINE = {"poolclass": NullPool, "connect_args": {"timeout": 1.0}}
_UNUSABLE = (StorageInternalError, ArgumentError, DBAPIError, ImportError)
_PATIENCE_S = 60.0  # maximum waiting time for a database locked by another program
_FIRST_PAUSE_S = 0.2  # before the next attempt; doubled after each


def open_study(
    path: Path, name: str, objectives: Mapping[str, Direction]
) -> tuple[optuna.Study, RDBStorage]:
    """Open the study in a file; a damaged file is moved aside and rebuilt from the results.

    Raises SweepError if it stays locked or is a folder, DiskFullError if the disk has no space
    left.
    """
    if path.is_dir():
        raise SweepError(f"{path} is a folder, and must be the study's database; move it away")
    deadline, pause_s = time.monotonic() + _PATIENCE_S, _FIRST_PAUSE_S
    while True:
        try:
            if not path.exists():
                _create(path, name, objectives)
            return _open_now(path, name, objectives)
        except (StorageInternalError, sqlite3.Error, DBAPIError) as error:
            raise_if_full(error, path.parent)
            if "locked" not in cause_of(error):
                _log.warning("%s is damaged (%s); it is rebuilt", path, cause_of(error))
                path.replace(path.with_name(f"{path.name}.damaged"))
            elif time.monotonic() + pause_s > deadline:
                raise SweepError(f"{path} is locked; end the program that uses it") from error
        time.sleep(pause_s)
        pause_s *= 2


def check_storage(url: str) -> None:
    """Raise SweepError if a URL names no usable database. Creates nothing."""
    try:
        engine = create_engine(url, poolclass=NullPool)
        if engine.dialect.name != "sqlite":
            engine.connect().close()
        elif not (folder := Path(engine.url.database or "").absolute().parent).is_dir():
            raise SweepError(f"`search.storage` cannot be used: there is no folder {folder}")
    except NoSuchModuleError as error:
        raise SweepError(
            f"`search.storage` names no kind of database that there is: `{url.partition(':')[0]}`; "
            "write for example `postgresql+psycopg://host/studies` or `sqlite:////shared/study.db`"
        ) from error
    except _UNUSABLE as error:
        raise SweepError(f"`search.storage` cannot be used: {cause_of(error)}") from error


def open_shared_study(
    url: str, name: str, objectives: Mapping[str, Direction]
) -> tuple[optuna.Study, RDBStorage]:
    """Open the study on a database server. Raises SweepError if it cannot be reached."""
    try:
        storage = RDBStorage(_literal(url), engine_kwargs={"poolclass": NullPool})
        return _study_in(storage, name, objectives), storage
    except _UNUSABLE as error:
        raise SweepError(f"`search.storage` cannot be used: {cause_of(error)}") from error


def raise_if_full(error: BaseException, folder: Path) -> None:
    """Raise DiskFullError if a database error means that the disk is full."""
    if "disk is full" in cause_of(error):
        raise DiskFullError(folder) from error


def cause_of(error: BaseException) -> str:
    """Return the innermost cause of an error, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@contextmanager
def without_experimental_warnings() -> Iterator[None]:
    """Suppress Optuna's warnings about experimental features; our version range is fixed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _create(path: Path, name: str, objectives: Mapping[str, Direction]) -> None:
    """Create the file under a temporary name, so that a killed process leaves no partial file."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _open_now(draft, name, objectives)
    # of an earlier study.db: SQLite would apply them to the new one
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    draft.replace(path)
    force_folder(path.parent)


def _open_now(
    path: Path, name: str, objectives: Mapping[str, Direction]
) -> tuple[optuna.Study, RDBStorage]:
    _use_write_ahead_log(path)
    url = URL.create("sqlite", database=str(path.resolve())).render_as_string()
    storage = RDBStorage(_literal(url), engine_kwargs=_ENGINE)
    return _study_in(storage, name, objectives), storage


def _literal(url: str) -> str:
    """Escape braces in the URL, which Optuna passes through `str.format`."""
    return url.replace("{", "{{").replace("}", "}}")


def _study_in(storage: RDBStorage, name: str, objectives: Mapping[str, Direction]) -> optuna.Study:
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        directions=list(objectives.values()),
        load_if_exists=True,
    )
    with without_experimental_warnings():
        study.set_metric_names(list(objectives))
    return study


def _use_write_ahead_log(path: Path) -> None:
    """Make SQLite append to a log instead of rewriting pages: a third of the time per trial."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
