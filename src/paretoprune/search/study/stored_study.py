"""The persistent copy of a sweep's study, with deferred writes.

The study is a view; the authoritative record is the results in the sweep's folder. The search
therefore does not wait for a disk or a lock: trials are written in batches, when time permits, and
at the end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial
from sqlalchemy.exc import DBAPIError

from paretoprune.metrics import Direction
from paretoprune.search.study.open_study import (
    cause_of,
    open_shared_study,
    open_study,
    raise_if_full,
)
from paretoprune.search.study.study_rows import Attributes, put_trials, read_attributes

_log = logging.getLogger(__name__)

_SHARE = 0.1  # of the running time for writes, so that short trials need not wait for the disk
_MOST_AT_ONCE = 500  # trials per transaction
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 30.0  # before the next attempt on a locked database


class StoredStudy:
    """A study in a file, or on a server shared with other sweeps."""

    def __init__(
        self,
        path: Path,
        name: str,
        objectives: Mapping[str, Direction],
        *,
        storage: str | None,
        owner: str,
    ) -> None:
        """`owner` distinguishes this sweep's trials from others in the same `storage`."""
        self._folder, self._owner = path.parent, owner
        self._study, self._tables = (
            open_shared_study(storage, name, objectives)
            if storage
            else open_study(path, name, objectives)
        )
        self._late: dict[int, FrozenTrial] = {}  # pending trials by number, oldest first
        self._rows: dict[int, int] = {}  # ids of the written rows, by trial number
        self._pause_s, self._next_try = _FIRST_PAUSE_S, 0.0
        self._opened, self._spent_s = time.monotonic(), 0.0

    def ours(self) -> dict[int, tuple[Attributes, Attributes]]:
        """Return the user and sampler attributes of this sweep's stored trials, by trial number.

        Their rows are remembered, so that a later result of the same trial replaces its row.
        """
        found = {}
        for id_, (ours, sampler) in read_attributes(self._tables, self._study._study_id).items():
            if ours.get("owner", "") == self._owner:
                number = int(ours["trial"])
                found[number], self._rows[number] = (ours, sampler), id_
        return found

    def others(self) -> list[FrozenTrial]:
        """Return the trials of other sweeps; empty if they cannot be read now."""
        try:
            trials = self._study.get_trials(deepcopy=False)
        except StorageInternalError as error:
            _log.warning("the shared study cannot be read now (%s)", cause_of(error))
            return []
        return [trial for trial in trials if trial.user_attrs.get("owner", "") != self._owner]

    def put(self, trial: FrozenTrial) -> None:
        """Add a finished trial to the pending ones; write now if writes took less than
        their share."""
        number = int(trial.user_attrs["trial"])
        self._late.pop(number, None)
        self._late[number] = trial
        now = time.monotonic()
        if now >= self._next_try and self._spent_s <= _SHARE * (now - self._opened):
            self._write()

    def flush(self, *, patience_s: float) -> None:
        """Write the pending trials; give up with a warning if the study stays locked that long."""
        deadline = time.monotonic() + patience_s
        while self._late:
            if self._write():
                deadline = time.monotonic() + patience_s
            elif time.monotonic() + self._pause_s > deadline:
                _log.warning(
                    "study.db lacks %d trials; the same command adds them", len(self._late)
                )
                return
            else:
                time.sleep(self._pause_s)

    def _write(self) -> bool:
        """Write the oldest pending trials; after a failure the next attempt is delayed longer."""
        begun, some = time.monotonic(), dict(islice(self._late.items(), _MOST_AT_ONCE))
        try:
            places = [self._rows.get(number) for number in some]
            ids = put_trials(self._tables, self._study._study_id, [*some.values()], places)
        except DBAPIError as error:
            raise_if_full(error, self._folder)
            _log.warning("study.db cannot be written now (%s); retrying later", cause_of(error))
            self._next_try = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            return False
        finally:
            self._spent_s += time.monotonic() - begun
        self._rows.update(zip(some, ids, strict=True))
        for number in some:
            del self._late[number]
        self._pause_s = _FIRST_PAUSE_S
        return True
