"""A study lies in the file that was named, whatever characters its folder has."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from paretoprune.errors import SweepError
from paretoprune.search.study import open_study as module
from paretoprune.search.study.open_study import (
    check_storage,
    open_shared_study,
    open_study,
)
from paretoprune.testing import formula

OBJECTIVES = formula.search_settings().objectives
NAMES = ["a?b", "a{y}b", "50% a%3Fb", "a#b c=1 [x] é", "{SCHEMA_VERSION}"]


@pytest.mark.parametrize("name", NAMES)
def test_a_study_lies_in_its_folder_and_nowhere_else(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    open_study(folder / "study.db", "formula", OBJECTIVES)
    study, _ = open_study(folder / "study.db", "formula", OBJECTIVES)
    assert study.study_name == "formula"
    assert {path.name.partition("-")[0] for path in folder.iterdir()} == {"study.db"}
    assert list(tmp_path.iterdir()) == [folder]


def test_braces_in_the_url_of_a_shared_study_stand_for_themselves(tmp_path: Path) -> None:
    (tmp_path / "a{y}b").mkdir()
    open_shared_study(f"sqlite:///{tmp_path}/a{{y}}b/study.db", "formula", OBJECTIVES)
    assert (tmp_path / "a{y}b" / "study.db").is_file()


def test_a_study_that_stays_locked_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.db"
    open_study(path, "formula", OBJECTIVES)
    monkeypatch.setattr(module, "_PATIENCE_S", 0.0)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SweepError, match=r"study\.db is locked; end the program that uses it"):
            open_study(path, "formula", OBJECTIVES)
    open_study(path, "formula", OBJECTIVES)


def test_a_folder_in_the_place_of_a_study_is_reported_and_kept(tmp_path: Path) -> None:
    (tmp_path / "study.db").mkdir()
    with pytest.raises(SweepError, match=r"study\.db is a folder.*; move it away"):
        open_study(tmp_path / "study.db", "formula", OBJECTIVES)
    assert [*tmp_path.iterdir()] == [tmp_path / "study.db"]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nothing", "cannot be used: Could not parse"),
        ("mine://host/db", "names no kind of database that there is: `mine`"),
        ("sqlite:////nowhere/at/all/study.db", "there is no folder /nowhere/at/all"),
        ("postgresql+psycopg://localhost:1/studies", "cannot be used: "),
    ],
)
def test_a_shared_study_that_cannot_be_used_is_reported(url: str, sentence: str) -> None:
    with pytest.raises(SweepError, match=sentence):
        check_storage(url)


def test_a_shared_study_that_can_be_used_is_not_created_by_the_check(tmp_path: Path) -> None:
    check_storage(f"sqlite:///{tmp_path}/study.db")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["nothing", "sqlite:////nowhere/at/all/study.db"])
def test_a_shared_study_that_cannot_be_opened_is_reported(url: str) -> None:
    with pytest.raises(SweepError, match=r"`search\.storage` cannot be used: "):
        open_shared_study(url, "formula", OBJECTIVES)
