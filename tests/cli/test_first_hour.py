"""The messages of a user's first hour; `tests/wheel_tour.py` has an installed wheel say them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.commands import run_inspect, run_train
from tests.kits.first_hour import LISTED, OF_DATA, Files

COMMANDS = {"train": run_train, "inspect": run_inspect}


@pytest.mark.parametrize(("command", "files", "sentence"), [*LISTED, *OF_DATA])
def test_it_is_said_in_a_sentence_and_nothing_is_written(
    tmp_path: Path, command: str, files: Files, sentence: str
) -> None:
    files(tmp_path)
    before = {*tmp_path.rglob("*")}
    name, *arguments = command.split()
    done = COMMANDS[name](tmp_path, *arguments)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert {path for path in tmp_path.rglob("*") if "__pycache__" not in str(path)} == before
