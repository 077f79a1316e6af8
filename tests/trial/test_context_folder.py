"""A sweep continues with the data and code that it was begun with, and with no others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from paretoprune.errors import SweepError
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.storage.atomic import read_sealed, write_sealed
from paretoprune.trial.context import make_context
from paretoprune.trial.context_folder import (
    keep_fingerprint,
    load_context,
    refuse_other_problem,
    save_context,
)
from tests.kits.messages import messages_of
from tests.kits.own_task import edit, mend, own_task, settings_of


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a task and a sweep of it that was begun."""
    folder = tmp_path_factory.mktemp("begun")
    with own_task(folder):
        problem = make_problem(settings_of(folder))
        save_context(make_context(problem), folder / "sweep" / "dense")
        with messages_of() as messages:
            keep_fingerprint(problem.fingerprint, folder / "sweep" / "dense")
        assert messages == []
    return folder


@pytest.fixture
def folder(begun: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it."""
    with own_task(tmp_path):
        shutil.copytree(begun / "sweep", tmp_path / "sweep")
        shutil.copytree(begun / "cache", tmp_path / "cache")
        yield tmp_path


def task_of(folder: Path) -> Problem:
    return make_problem(settings_of(folder))


def test_the_same_task_continues(folder: Path) -> None:
    problem = task_of(folder)
    refuse_other_problem(problem.fingerprint, folder / "sweep" / "dense")
    with messages_of() as messages:
        assert load_context(problem, folder / "sweep" / "dense") is not None
        keep_fingerprint(problem.fingerprint, folder / "sweep" / "dense")
    assert messages == []


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("y_train", "the training labels"),
        ("x_test", "the test inputs"),
        ("block.py", "the code of `own_net.block`"),
        ("constants.py", "the code of `own_net.constants`"),
    ],
)
def test_other_data_or_code_are_refused_by_name(folder: Path, name: str, named: str) -> None:
    if name.endswith(".py"):
        edit(folder, name, "\n", "\n# a comment is code, too\n")
    else:
        mend(folder, name)
    problem = task_of(folder)
    dense = folder / "sweep" / "dense"
    for act in (
        lambda: refuse_other_problem(problem.fingerprint, dense),
        lambda: load_context(problem, dense),
    ):
        with pytest.raises(SweepError, match=f"changed since: {named}; give this sweep another"):
            act()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [("missing", "is from an earlier version"), ("version", "version 0"), ("torn", "be read")],
)
def test_what_cannot_be_compared_continues_with_a_warning(
    folder: Path, damage: str, reason: str
) -> None:
    dense = folder / "sweep" / "dense"
    path = dense / "fingerprint.json"
    write_sealed(folder / "sweep" / "trials" / "0000" / "result.json", {})
    if damage == "missing":
        path.unlink()
    elif damage == "version":
        write_sealed(path, read_sealed(path) | {"version": 0})
    else:
        path.write_text(path.read_text()[:40])
    mend(folder, "y_train")
    problem = task_of(folder)
    refuse_other_problem(problem.fingerprint, dense)
    with messages_of() as messages:
        keep_fingerprint(problem.fingerprint, dense)
        keep_fingerprint(problem.fingerprint, dense)
    [message] = messages
    assert reason in message
    assert "cannot be compared" in message
    mend(folder, "y_train")
    with pytest.raises(SweepError, match="the training labels"):
        refuse_other_problem(task_of(folder).fingerprint, dense)


def test_other_versions_are_reported_and_accepted(folder: Path) -> None:
    path = folder / "sweep" / "dense" / "fingerprint.json"
    kept = read_sealed(path)
    write_sealed(path, kept | {"versions": kept["versions"] | {"torch": "1.0"}})
    problem = task_of(folder)
    refuse_other_problem(problem.fingerprint, path.parent)
    with messages_of() as messages:
        keep_fingerprint(problem.fingerprint, path.parent)
    [message] = messages
    assert "was begun with other versions: torch (1.0, now " in message
