"""The tour of the pages reads all their commands; it runs by `make tour`, which takes minutes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.wheel_tour import (
    NOT_RUN,
    PAGES,
    SHORT,
    installed_form,
    read_page,
    reason_not_to_run,
    shortened,
)

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = [(page.name, command) for page in PAGES for command in read_page(page).commands]
OWN_DATA = ROOT / "docs/how-to/own-data.md"


def test_commands_of_all_pages_are_found() -> None:
    assert len(COMMANDS) > 80
    assert ("README.md", "python -m src.ui") in COMMANDS  # without the comment behind it
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown = len(re.findall(r"^ {4}(?:python -m src\.|paretoprune)", text, re.MULTILINE))
        found = [c for name, c in COMMANDS if name == page.name and "pip install" not in c]
        assert len([c for c in found if "src." in c or "paretoprune" in c]) >= shown


@pytest.mark.parametrize("part", NOT_RUN)
def test_what_is_not_run_is_on_a_page(part: str) -> None:
    assert any(part in command for _, command in COMMANDS)


def test_most_commands_are_run() -> None:
    left_out = [command for _, command in COMMANDS if reason_not_to_run(command)]
    assert len(left_out) < len(COMMANDS) / 6


def test_commands_of_a_checkout_are_those_of_the_wheel() -> None:
    assert installed_form("python -m src.pick resnet n=3") == [
        "paretoprune",
        "pick",
        "resnet",
        "n=3",
    ]
    assert installed_form("paretoprune-train name=x") == ["paretoprune", "train", "name=x"]
    assert shortened(["paretoprune", "train", "name=x"]) == [
        "paretoprune",
        "train",
        "name=x",
        *SHORT,
    ]
    assert shortened(["paretoprune", "pick", "x"]) == ["paretoprune", "pick", "x"]


def test_three_commands_lead_from_pip_to_a_front_of_ones_own_data() -> None:
    """By the page on own data: install, make the example's data (one's own are there), train."""
    sections = OWN_DATA.read_text(encoding="utf-8").split("\n## ")
    assert sections[0].count("    pip install paretoprune") == 1
    examples = [re.findall(r"```sh\n(.*?)\n```", text, re.DOTALL) for text in sections[1:]]
    counts = [1 + len(commands[0].splitlines()) for commands in examples if commands]
    assert len(counts) == 6 and max(counts) <= 3
