"""Locks of a sweep's folder, on file systems with and without them."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from paretoprune.errors import SweepError
from paretoprune.storage.lock import driver_lock, refuse_a_second_driver


def test_a_folder_is_locked_once(tmp_path: Path) -> None:
    with driver_lock(tmp_path / "lock"), pytest.raises(SweepError, match=f"process {os.getpid()}"):
        refuse_a_second_driver(tmp_path / "lock")
    refuse_a_second_driver(tmp_path / "lock")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_refused_and_not_taken_for_a_locked_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """With the errors of such file systems, none of which is at hand."""

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", fail)
    message = r"without locks \(.*choose .* by `sweeps_dir`"
    with pytest.raises(SweepError, match=message), driver_lock(tmp_path / "lock"):
        raise AssertionError("it was taken")
