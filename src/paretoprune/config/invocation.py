"""The form in which this process was called, for commands that messages suggest."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

COMMANDS = ("train", "inspect", "pick", "report", "compare", "latency", "ui")
_NAME = "paretoprune"


def command_line(command: str, *arguments: str) -> str:
    """A command of ours as the user would call it, quoted for a shell.

    A process that was called as `python -m src.NAME` (in a checkout), `python -m paretoprune NAME`
    or `paretoprune-NAME` suggests the same form; any other, a notebook too, `paretoprune NAME`.
    """
    return shlex.join([*_form(command), *arguments])


def in_callers_form(text: str) -> str:
    """A help text with its commands, written as `paretoprune NAME`, in the caller's form."""
    for command in COMMANDS:
        text = text.replace(f"{_NAME} {command}", command_line(command))
    return text


def _form(command: str) -> list[str]:
    module = _main_module()
    if module == f"{_NAME}.__main__":
        return ["python", "-m", _NAME, command]
    if module.removesuffix(".__main__") in {f"src.{name}" for name in COMMANDS}:
        return ["python", "-m", f"src.{command}"]
    script = Path(sys.argv[0]).name if sys.argv else ""
    if script in {f"{_NAME}-{name}" for name in COMMANDS}:
        return [f"{_NAME}-{command}"]
    return [_NAME, command]


def _main_module() -> str:
    """The dotted name that `python -m` was given; empty for a script."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec is not None else ""
