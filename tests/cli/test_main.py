"""`paretoprune COMMAND`: one script for all commands."""

from __future__ import annotations

import sys
from importlib import metadata
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


def test_an_unknown_command_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_the_version_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--version") == 0
    assert capsys.readouterr().out == VERSION
