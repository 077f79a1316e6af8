"""Every task of the configs is checked against the contract of tasks by a test of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from paretoprune.config.compose import targets_of

CHECKS = {"check_task", "check_all"}
FILES = sorted(Path(__file__).parent.rglob("test_*.py"))
# Chooses one of the others.
TASKS = {path for name, path in targets_of("task").items() if name != "auto"}


def names_in(file: Path) -> set[str]:
    """Return the names that a file imports, by their dotted paths, and calls."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(node.func.id)
    return found


CHECKED = set().union(*(names for names in map(names_in, FILES) if names & CHECKS))


def test_there_are_tasks() -> None:
    assert len(TASKS) > 10


@pytest.mark.parametrize("path", sorted(TASKS))
def test_a_task_is_checked(path: str) -> None:
    assert path in CHECKED, f"no test of tests/tasks runs {path} through {CHECKS}"
