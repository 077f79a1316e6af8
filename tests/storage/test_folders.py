"""Names of files survive a power failure: their folders are forced to the disk, too."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from paretoprune.storage.atomic import write_bytes, write_json
from paretoprune.storage.folders import force_folder

Events = list[tuple[str, Path]]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Events:
    """Files that are forced to the disk or renamed, in order."""
    found: Events = []
    fsync, replace = os.fsync, Path.replace

    def forced(descriptor: int) -> None:
        found.append(("forced", Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        found.append(("renamed", target))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", forced)
    monkeypatch.setattr(Path, "replace", renamed)
    return found


def test_a_write_forces_the_file_then_its_name(tmp_path: Path, events: Events) -> None:
    write_json(tmp_path / "a.json", 1)
    [content, rename, folder] = events
    assert content[0] == "forced"
    assert content[1].name.startswith(".a.json.")
    assert [rename, folder] == [("renamed", tmp_path / "a.json"), ("forced", tmp_path)]


def test_new_folders_are_forced_into_theirs(tmp_path: Path, events: Events) -> None:
    write_bytes(tmp_path / "trials" / "0001" / "a", b"1")
    forced = [path for kind, path in events if kind == "forced"]
    assert {tmp_path, tmp_path / "trials", tmp_path / "trials" / "0001"} <= set(forced)


def test_a_write_that_need_not_last_waits_for_no_disk(tmp_path: Path, events: Events) -> None:
    write_bytes(tmp_path / "a", b"1", durable=False)
    assert events == [("renamed", tmp_path / "a")]


@pytest.mark.parametrize(("code", "raises"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_only_a_file_system_that_cannot_is_excused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, raises: bool
) -> None:
    monkeypatch.setattr(os, "fsync", _failing(code))
    if raises:
        with pytest.raises(OSError, match="Input/output error"):
            force_folder(tmp_path)
    else:
        force_folder(tmp_path)


def _failing(code: int) -> Callable[[int], None]:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    return fail
