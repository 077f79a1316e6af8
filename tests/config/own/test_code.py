"""Errors of a user's code have file and line; those of libraries and of ours have not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from paretoprune.config.load import load_settings
from paretoprune.config.own.code import described, place_of, with_place
from paretoprune.errors import SettingsError
from tests.kits.commands import OWN, TINY, run_train

HERE = Path(__file__).name


def raised(call: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


def fails() -> None:
    raise ValueError("first line\nsecond line")


def calls_a_library() -> None:
    json.loads("{")


def calls_torch() -> None:
    torch.zeros(2).reshape(3)


@pytest.mark.parametrize("call", [fails, calls_a_library, calls_torch])
def test_the_line_is_that_of_the_users_code(call: Callable[[], object]) -> None:
    line = call.__code__.co_firstlineno + 1  # type: ignore[attr-defined]
    assert f"{HERE}, line {line})" in described(raised(call))


def test_libraries_of_another_environment_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "site-packages" / "library.py"
    code = compile("def f():\n    raise ValueError('x')", str(file), "exec")
    names: dict[str, Callable[[], object]] = {}
    exec(code, names)
    assert HERE in str(place_of(raised(lambda: names["f"]())))


def test_the_message_is_the_first_line_or_all_of_it() -> None:
    error = raised(fails)
    assert described(error).startswith("ValueError: first line (")
    assert with_place(error).startswith("ValueError: first line\nsecond line (")


def test_an_error_without_a_message_is_named() -> None:
    assert described(KeyError()) == "KeyError"


def test_errors_of_our_own_code_have_no_place() -> None:
    assert place_of(raised(lambda: load_settings({}))) is None
    assert isinstance(raised(lambda: load_settings({})), SettingsError)


def test_a_syntax_error_has_the_place_of_the_mistake(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("x = 1\ndef f(:\n")
    error = raised(lambda: compile(file.read_text(), str(file), "exec"))
    assert described(error) == f"SyntaxError: invalid syntax ({file}, line 2)"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_command_names_the_line_of_broken_data(tmp_path: Path, workers: int) -> None:
    data = ("data=own", "data._target_=tests.kits.own_data.Broken", f"data.workers={workers}")
    done = run_train(tmp_path, *TINY, *data)
    assert done.code == 1
    kit = (Path(__file__).parents[2] / "kits/own_data.py").read_text().splitlines()
    line = 1 + next(n for n, text in enumerate(kit) if "the sample is broken" in text)
    assert "error: your code raised ValueError: the sample is broken (" in done.err
    assert f"own_data.py, line {line})" in done.err
    assert "Traceback" not in done.err


def test_a_scorer_that_cannot_be_imported_names_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_scorers.py").write_text("x = 1\ny = x / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    line = ("scorer=own", "scorer._target_=broken_scorers.Mine")
    done = run_train(tmp_path, *line, f"trust=[{OWN},broken_scorers]")
    assert done.code == 2
    assert "ZeroDivisionError: division by zero (broken_scorers.py, line 2)" in done.err
