"""Compensation and sparse training by their former names, on the command line and in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from paretoprune.cli.command_line import read_command_line
from paretoprune.cli.compose import _composed_settings
from paretoprune.config.load import load_settings
from tests.config.test_load import composed

FILE = """# @package _global_
name: mine
compensation: none
sparse_training: {name: l1, strength: 0.1, epochs: 2}
"""


def settings_of(*arguments: str) -> dict[str, Any]:
    line = read_command_line(arguments)
    return _composed_settings(line, line.overrides)


@pytest.mark.parametrize(
    ("arguments", "now"),
    [
        (("compensation=none",), ("compensation=none",)),
        (("sparse_training.name=none",), ()),
        (
            ("+sparse_training.dropout=0.3",),
            (
                *("sparse_training=dropout", "sparse_training.dropout=0.3"),
                "sparse_training.targeted=1.0",
            ),
        ),
    ],
)
def test_a_command_line_may_name_them(arguments: tuple[str, ...], now: tuple[str, ...]) -> None:
    assert load_settings(settings_of(*arguments)) == load_settings(composed(*now))


def test_a_file_of_settings_may_name_them(tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "mine.yaml").write_text(FILE)
    found = load_settings(settings_of("--config-dir", str(tmp_path), "+sweep=mine"))
    training = ("sparse_training=l1", "sparse_training.strength=0.1", "sparse_training.epochs=2")
    assert found == load_settings(composed("name=mine", "compensation=none", *training))
