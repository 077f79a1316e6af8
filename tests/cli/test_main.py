"""`paretoprune COMMAND`: one script for all commands."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from unittest import mock

import pytest

from paretoprune.cli.main import main
from paretoprune.config.invocation import COMMANDS

VERSION = f"paretoprune {metadata.version('paretoprune')}\n"


def called(*arguments: str) -> int:
    """The exit code."""
    with mock.patch.object(sys, "argv", ["/venv/bin/paretoprune", *arguments]):
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--help") == 0
    shown = capsys.readouterr().out
    assert all(f"  paretoprune {name} " in shown for name in COMMANDS)


def test_no_command_is_a_mistake_that_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert called() == 2
    assert "usage: paretoprune COMMAND" in capsys.readouterr().out


def test_an_unknown_command_is_reported_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert called("trian", "+sweep=resnet") == 2
    assert "there is no command `trian`; did you mean `train`?" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_own_help_and_our_version(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(name, "--help") == 0
    assert f"usage: paretoprune {name}" in capsys.readouterr().out
    assert called(name, "--version") == 0
    assert capsys.readouterr().out == VERSION


@pytest.mark.parametrize("name", ["train", "inspect"])
def test_help_lists_the_options_of_each_group_but_not_their_base(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "scorer").mkdir()
    (tmp_path / "scorer/mine.yaml").write_text("_target_: mine.Scorer")
    assert called(name, "--help", "--config-dir", str(tmp_path)) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "low_rank: auto, none, spatial" in shown
    assert any(line.startswith("scorer: apoz") and ", mine, " in line for line in shown)
    assert any(line.startswith("search: auto, chain") for line in shown)


def test_the_base_of_configs_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("train", "search=_base") == 2
    assert "there is no search `_base`" in capsys.readouterr().err


def test_the_version_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--version") == 0
    assert capsys.readouterr().out == VERSION


@pytest.mark.parametrize("name", ["train", "inspect", "pick", "latency"])
def test_threads_that_wait_sleep_in_every_command_that_runs_a_model(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set before torch is imported, which tests/test_imports.py keeps the commands from doing."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    called(name, "there is no such sweep")
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    called(name, "there is no such sweep")
    assert os.environ["OMP_WAIT_POLICY"] == "active"


@pytest.mark.parametrize("name", ["pick", "latency"])
def test_an_option_given_twice_is_a_mistake(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called(name, "mine", "trust=[one]", "trust=[two]") == 2
    assert "`trust` is given twice: `trust=[one]` and `trust=[two]`" in capsys.readouterr().err


def test_completion_is_printed_for_a_known_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--completion", "bash") == 0
    assert "complete -F _paretoprune paretoprune" in capsys.readouterr().out
    given = mock.patch.object(sys, "argv", ["paretoprune", "--completion", "fish"])
    with given, pytest.raises(SystemExit, match="bash, zsh"):
        main()
