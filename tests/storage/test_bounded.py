"""Files of others are read as far as they end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paretoprune.storage.atomic import read_json
from paretoprune.storage.bounded import read_text, read_yaml


def test_a_small_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a: 1 \u00e9", encoding="utf-8")
    assert read_yaml(file) == {"a": "1 \u00e9"}
    assert read_text(file, most_bytes=7) == "a: 1 \u00e9"
    with pytest.raises(ValueError, match="has 7 bytes; at most 6 are read"):
        read_text(file, most_bytes=6)


def test_a_large_file_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "a"
    with file.open("wb") as stream:
        stream.truncate(2**40)  # takes no space on the disk
    for read in (read_text, read_yaml, read_json):
        with pytest.raises(ValueError, match="has 1,099,511,627,776 bytes"):
            read(file)


def test_what_has_no_end_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "zeros").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    for name in ("zeros", "pipe"):
        for read in (read_text, read_yaml, read_json):
            with pytest.raises(ValueError, match=f"{name} is no regular file"):
                read(tmp_path / name)


def test_what_is_no_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        read_json(tmp_path)
