"""The Optuna study of a sweep, opened: a file, made again where it is damaged, or a server's."""

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

_log = logging.getLogger(__name__)

# Without a pool, connections are closed as soon as they have been used. A lock is not waited for
# here: the search goes on meanwhile.
_ENGINE = {"poolclass": NullPool, "connect_args": {"timeout": 1.0}}
_UNUSABLE = (StorageInternalError, ArgumentError, DBAPIError, ImportError)
_PATIENCE_S = 60.0  # for a database that another program has locked
_FIRST_PAUSE_S = 0.2  # before it is tried again; then twice as long


def open_study(
    path: Path, name: str, objectives: Mapping[str, Direction]
) -> tuple[optuna.Study, RDBStorage]:
    """The study in a file; a damaged one is moved aside, and made again from the results.

    Raises SweepError where it stays locked, DiskFullError where there is no space for it.
    """
    deadline, pause_s = time.monotonic() + _PATIENCE_S, _FIRST_PAUSE_S
    while True:
        try:
            if not path.exists():
                _create(path, name, objectives)
            return _open_now(path, name, objectives)
        except (StorageInternalError, sqlite3.Error, DBAPIError) as error:
            raise_if_full(error, path.parent)
            if "locked" not in cause_of(error):
                _log.warning("%s is damaged (%s); it is made again", path, cause_of(error))
                path.replace(path.with_name(f"{path.name}.damaged"))
            elif time.monotonic() + pause_s > deadline:
                raise SweepError(f"{path} is locked; end the program that uses it") from error
        time.sleep(pause_s)
        pause_s *= 2


def check_storage(url: str) -> None:
    """Raises SweepError where a URL names no database that can be used. Nothing is made."""
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
    """The study in a database server. Raises SweepError where there is none to talk to."""
    try:
        storage = RDBStorage(_literal(url), engine_kwargs={"poolclass": NullPool})
        return _study_in(storage, name, objectives), storage
    except _UNUSABLE as error:
        raise SweepError(f"`search.storage` cannot be used: {cause_of(error)}") from error


def raise_if_full(error: BaseException, folder: Path) -> None:
    """Raises DiskFullError if that is what a database's error means."""
    if "disk is full" in cause_of(error):
        raise DiskFullError(folder) from error


def cause_of(error: BaseException) -> str:
    """The innermost cause, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@contextmanager
def without_experimental_warnings() -> Iterator[None]:
    """Without Optuna's warnings that a part of it is experimental; our version range is fixed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _create(path: Path, name: str, objectives: Mapping[str, Direction]) -> None:
    """Make the file beside its place: killed in the middle, it would be of no use to anybody."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _open_now(draft, name, objectives)
    for suffix in ("-wal", "-shm"):  # of an earlier study.db: SQLite would take them for the new
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    draft.replace(path)


def _open_now(
    path: Path, name: str, objectives: Mapping[str, Direction]
) -> tuple[optuna.Study, RDBStorage]:
    _use_write_ahead_log(path)
    url = URL.create("sqlite", database=str(path.resolve())).render_as_string()
    storage = RDBStorage(_literal(url), engine_kwargs=_ENGINE)
    return _study_in(storage, name, objectives), storage


def _literal(url: str) -> str:
    """The URL as Optuna takes it, which looks for fields of `str.format` in it."""
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
    """Have SQLite append instead of rewriting pages: a third of the time per trial."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
