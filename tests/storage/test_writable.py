"""Folders that cannot be written to are refused before any work, on real file systems."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paretoprune.errors import SettingsError
from paretoprune.storage.writable import check_writable
from tests.kits.mounts import mounted


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A read-only file system, where mounting one is permitted."""
    with mounted(tmp_path / "mounted", "ro,size=1m") as place:
        yield place


def test_a_read_only_file_system_is_refused(read_only: Path) -> None:
    with pytest.raises(SettingsError, match=r"`sweeps_dir=.*cannot be written to; choose another"):
        check_writable("sweeps_dir", read_only / "sweeps")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"is no folder"):
        check_writable("sweeps_dir", tmp_path / "file" / "sweeps")


def test_a_folder_that_can_be_made_is_accepted(tmp_path: Path) -> None:
    check_writable("sweeps_dir", tmp_path / "new" / "sweeps")
    assert not (tmp_path / "new").exists(), "a check creates nothing"


def test_a_file_system_that_holds_no_files_of_users_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"`cache_dir=/proc/new`: /proc cannot be written to"):
        check_writable("cache_dir", Path("/proc/new"))
