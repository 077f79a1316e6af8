"""The README's commands are those that are tested."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_the_search_of_ones_own_network_is_that_of_the_tutorial() -> None:
    """The tutorial's commands are run by its own test."""
    tutorial = (ROOT / "docs/tutorial.md").read_text()
    [line] = [line for line in README.splitlines() if "name=mine" in line]
    [shown] = [line for line in tutorial.splitlines() if line.startswith("paretoprune-train")]
    assert set(line.split()[3:]) == set(shown.split()[1:]) - {"threads=1"}


def test_the_quick_start_is_two_commands() -> None:
    commands = [line for line in README.splitlines() if re.match(r" +pip install -e", line)]
    assert len(commands) == 2
    assert "python -m src.train +sweep=resnet" in commands[0]
    assert "pytest" in commands[1]


def test_the_readme_fits_on_a_page() -> None:
    assert len(README.splitlines()) < 150
    assert README.index("front.png") < README.index("## When not to use it")
