"""The ledger of a sweep: an Optuna study that proposes ratios and remembers what came of them.

Samplers work on a study in memory; every finished trial is written to `study.db` in one
transaction. So asking costs no disk access, a killed process leaves no half-written trial behind,
and optuna-dashboard reads the same file. The sweep's truth are the results in its folder: where
`study.db` is locked, or lags behind, the search goes on, and what is missing is written later.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from paretoprune.config import Target
from paretoprune.errors import DiskFullError, SweepError
from paretoprune.results import Direction, GroupInfo, Proposal, TrialResult
from paretoprune.search.front import objective_values
from paretoprune.targets import build

Ratios = Mapping[str, float]

optuna.logging.set_verbosity(optuna.logging.WARNING)

_log = logging.getLogger(__name__)

# Without a pool, connections are closed as soon as they have been used. A lock is not waited for
# here: the search goes on meanwhile.
_ENGINE = {"poolclass": NullPool, "connect_args": {"timeout": 1.0}}
_LOOK_EVERY_S = 5.0  # for the trials of other sweeps in a shared study
_OPEN_PATIENCE_S = 60.0  # for a database that another program has locked
_SHARE_FOR_STORING = 0.1  # of the running time, so that short trials need not wait for the disk
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 30.0  # before a locked database is tried again


class Ledger:
    """One study: `ask` for a proposal, `tell` what it led to. Used by one process at a time."""

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        groups: Sequence[GroupInfo],
        objectives: Mapping[str, Direction],
        sampler: Target | None,
        max_ratio: float,
        seed: int,
        storage: str | None = None,
        owner: str = "",
    ) -> None:
        """A study in the file `path`; with `storage`, a URL, in a database shared with others.

        `owner` tells this sweep's trials in it from theirs, from which the sampler learns too.
        """
        self._folder = path.parent
        self._objectives = objectives
        directions = list(objectives.values())
        self._stored = (
            _open_shared(storage, name, objectives) if storage else _open(path, name, objectives)
        )
        self._owner, self._shared = owner, storage is not None
        self._others: set[int] = set()  # trials of others, by their number in the study
        self._next_look = 0.0
        self._late: deque[FrozenTrial] = deque()  # told, and not stored yet
        self._pause_s, self._next_try = _FIRST_PAUSE_S, 0.0
        self._opened, self._storing_s = time.monotonic(), 0.0
        self._working = optuna.create_study(directions=directions)
        self._on_disk = {
            int(trial.user_attrs["trial"]): trial
            for trial in self._stored.get_trials()
            if self._is_ours(trial)
        }
        self._most = {f"ratio/{g.name}": min(max_ratio, g.max_ratio) for g in groups}
        self._space: dict[str, BaseDistribution] = {
            name: FloatDistribution(0, most) for name, most in self._most.items()
        }
        self._running: dict[int, optuna.Trial] = {}
        self._sampler = sampler
        self._seed = seed

    def restore(self, results: Sequence[TrialResult]) -> None:
        """Go on after these results of an earlier run; what `study.db` lacks of them is written.

        Of what it has beside them, a trial whose result was damaged, nothing is remembered.
        """
        for result in results:
            if self._is_on_disk(result):
                self._working.add_trial(self._on_disk[result.number])
            else:
                self.start(result.number, Proposal(result.ratios, result.origin))
                self.tell(result)

    def ask(self, number: int, *, repair: Callable[[Ratios], Ratios]) -> Proposal:
        """The sampler's idea for trial `number`, made to fit the limits by `repair`, and started.

        The sampler is seeded by (seed, number): a fixed seed would make a resumed sweep propose
        again what it proposed at its start.
        """
        assert self._sampler is not None, "only a strategy with a sampler asks"
        if self._shared and time.monotonic() >= self._next_look:
            self._take_in_others()
        seed = int(np.random.SeedSequence((self._seed, number)).generate_state(1)[0])
        with _experimental():
            self._working.sampler = build(self._sampler, seed=seed)
        trial = self._working.ask(self._space)
        ratios = {name.removeprefix("ratio/"): value for name, value in trial.params.items()}
        repaired = repair(ratios)
        proposal = Proposal(ratios=repaired, origin="sampler")
        if repaired == ratios:
            self._running[number] = trial
        else:
            self._working.tell(trial, state=TrialState.FAIL)
            self.start(number, proposal)
        return proposal

    def start(self, number: int, proposal: Proposal) -> None:
        """Note that trial `number` runs, if it was not asked for: a baseline, for example."""
        if number in self._running:
            return
        # A ratio beyond the cap of its group removes no more than the cap.
        asked = {f"ratio/{name}": ratio for name, ratio in proposal.ratios.items()}
        self._working.enqueue_trial({n: min(ratio, self._most[n]) for n, ratio in asked.items()})
        self._running[number] = self._working.ask(self._space)

    def tell(self, result: TrialResult) -> None:
        """Remember a finished trial, in memory and on disk."""
        trial = self._running.pop(result.number)
        attributes = {
            "trial": result.number,
            "origin": result.origin,
            "state": result.state,
            "owner": self._owner,
        }
        for key, value in attributes.items():
            trial.set_user_attr(key, value)
        values = objective_values(result.metrics, self._objectives)
        if values is None or result.state == "failed":
            self._working.tell(trial, state=TrialState.FAIL)
        else:
            trial.set_constraint("limits", 1.0 if result.state == "infeasible" else 0.0)
            self._working.tell(trial, values)
        if not self._is_on_disk(result):
            told = self._working.get_trials(deepcopy=False)[trial.number]
            self._on_disk[result.number] = told
            self._late.append(told)
        while self._late and self._may_store():
            self._store_one()

    def _is_ours(self, trial: FrozenTrial) -> bool:
        return bool(trial.user_attrs.get("owner", "") == self._owner)

    def _take_in_others(self) -> None:
        """Let the sampler see what other sweeps have told the shared study."""
        self._next_look = time.monotonic() + _LOOK_EVERY_S
        try:
            trials = self._stored.get_trials(deepcopy=False)
        except StorageInternalError as error:
            _log.warning("the shared study cannot be read now (%s)", _cause(error))
            return
        for trial in trials:
            if not self._is_ours(trial) and trial.number not in self._others:
                self._others.add(trial.number)
                self._working.add_trial(trial)

    def _is_on_disk(self, result: TrialResult) -> bool:
        """Whether this is on disk, or about to be; a trial that failed may have been run again."""
        trial = self._on_disk.get(result.number)
        return trial is not None and trial.user_attrs["state"] == result.state

    def flush(self, *, patience_s: float) -> None:
        """Write what `study.db` lacks; where it stays locked for so long, say so and go on."""
        deadline = time.monotonic() + patience_s
        while self._late:
            if self._store_one():
                deadline = time.monotonic() + patience_s
            elif time.monotonic() + self._pause_s > deadline:
                _log.warning(
                    "study.db lacks %d trials; the same command writes them", len(self._late)
                )
                return
            else:
                time.sleep(self._pause_s)

    def _may_store(self) -> bool:
        now = time.monotonic()
        spent = self._storing_s / (now - self._opened)
        return now >= self._next_try and spent <= _SHARE_FOR_STORING

    def _store_one(self) -> bool:
        """Write the oldest trial that is late; after a failure wait longer before the next try."""
        begun = time.monotonic()
        try:
            self._stored.add_trial(self._late[0])
        except StorageInternalError as error:
            _raise_if_full(error, self._folder)
            _log.warning("study.db cannot be written now (%s); it is tried again", _cause(error))
            self._next_try = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            return False
        finally:
            self._storing_s += time.monotonic() - begun
        self._late.popleft()
        self._pause_s = _FIRST_PAUSE_S
        return True


def _open(path: Path, name: str, objectives: Mapping[str, Direction]) -> optuna.Study:
    """The study on disk; a damaged one is moved aside, and made again from the results.

    Raises SweepError where it stays locked, DiskFullError where there is no space for it.
    """
    deadline, pause_s = time.monotonic() + _OPEN_PATIENCE_S, _FIRST_PAUSE_S
    while True:
        try:
            if not path.exists():
                _create(path, name, objectives)
            return _open_now(path, name, objectives)
        except (StorageInternalError, sqlite3.Error, DBAPIError) as error:
            _raise_if_full(error, path.parent)
            if "locked" not in _cause(error):
                _log.warning("%s is damaged (%s); it is made again", path, _cause(error))
                path.replace(path.with_name(f"{path.name}.damaged"))
            elif time.monotonic() + pause_s > deadline:
                raise SweepError(f"{path} is locked; end the program that uses it") from error
        time.sleep(pause_s)
        pause_s *= 2


def _open_shared(url: str, name: str, objectives: Mapping[str, Direction]) -> optuna.Study:
    """The study in a database server. Raises SweepError where there is none to talk to."""
    try:
        storage = RDBStorage(url, engine_kwargs={"poolclass": NullPool})
        return _study_in(storage, name, objectives)
    except (StorageInternalError, DBAPIError, ImportError) as error:
        raise SweepError(f"`search.storage` cannot be used: {_cause(error)}") from error


def _create(path: Path, name: str, objectives: Mapping[str, Direction]) -> None:
    """Make the file beside its place: killed in the middle, it would be of no use to anybody."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _open_now(draft, name, objectives)
    for suffix in ("-wal", "-shm"):  # of an earlier study.db: SQLite would take them for the new
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    draft.replace(path)


def _open_now(path: Path, name: str, objectives: Mapping[str, Direction]) -> optuna.Study:
    _use_write_ahead_log(path)
    storage = RDBStorage(f"sqlite:///{path.resolve()}", engine_kwargs=_ENGINE)
    return _study_in(storage, name, objectives)


def _study_in(storage: RDBStorage, name: str, objectives: Mapping[str, Direction]) -> optuna.Study:
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        directions=list(objectives.values()),
        load_if_exists=True,
    )
    with _experimental():
        study.set_metric_names(list(objectives))
    return study


def _raise_if_full(error: BaseException, folder: Path) -> None:
    if "disk is full" in _cause(error):
        raise DiskFullError(folder) from error


def _cause(error: BaseException) -> str:
    """The innermost cause, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _use_write_ahead_log(path: Path) -> None:
    """Have SQLite append instead of rewriting pages: a third of the time per trial."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


@contextmanager
def _experimental() -> Iterator[None]:
    """Without Optuna's warnings that a part of it is experimental; our version range is fixed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
