"""Arguments of the commands beside `train`: `key=value` options, and sweeps by name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from paretoprune.cli.compose import disable_spinning, fail_with, find_own_code, print_version
from paretoprune.cli.foreign_configs import given_trust
from paretoprune.config.invocation import command_line, in_callers_form
from paretoprune.config.name_patterns import closest
from paretoprune.errors import SettingsError, SweepError


def run_command(
    usage: str, run: Callable[[Sequence[str]], None], *, needs_arguments: bool = True
) -> None:
    """Run a command with the arguments that it was started with, and leave as commands do."""
    arguments = sys.argv[1:]
    if "--version" in arguments:
        print_version()
        return
    missing = needs_arguments and not arguments
    if missing or {"-h", "--help", "help"} & set(arguments):
        print(in_callers_form(usage))
        sys.exit(2 if missing else 0)
    disable_spinning()
    find_own_code(given_trust([a.partition("=")[2] for a in arguments if a.startswith("trust=")]))
    try:
        run(arguments)
    except Exception as error:
        fail_with(error)
    except KeyboardInterrupt:
        sys.exit(130)


def options_of(arguments: Sequence[str], *, known: Sequence[str] = ()) -> dict[str, str]:
    """`key=value` arguments by key. Raises SettingsError for anything else.

    With `known`, an option that is none of them is a mistake too.
    """
    options, mistakes = split_options(arguments, known)
    if mistakes:
        raise SettingsError(mistakes)
    return options


def split_options(
    arguments: Sequence[str], known: Sequence[str] = ()
) -> tuple[dict[str, str], list[str]]:
    """The options, and a sentence for each argument that is none."""
    options: dict[str, str] = {}
    mistakes: list[str] = []
    for argument in arguments:
        key, separator, value = argument.partition("=")
        if not separator or not value:
            mistakes.append(f"`{argument}` is not understood; write `key=value`, see --help")
        elif known and key not in known:
            close = closest(key, known)
            hint = f"did you mean `{close}`? " if close else ""
            mistakes.append(f"`{key}` is not an option; {hint}there are: {', '.join(known)}")
        elif key in options:
            mistakes.append(f"`{key}` is given twice: `{key}={options[key]}` and `{argument}`")
        else:
            options[key] = value
    return options, mistakes


def whole_number(key: str, text: str) -> int:
    """An option's value from 1. Raises SettingsError for anything else."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise SettingsError([f"`{key}={text}` must be a whole number, 1 or more"])
    return int(text)


def listed(text: str) -> list[str]:
    """The parts of `a,b` or `[a, b]`."""
    return [part.strip() for part in text.strip("[]").split(",") if part.strip()]


def find_sweep(sweeps: Path, name: str) -> Path:
    """The folder of a sweep. Raises SweepError, with what is there, if there is none."""
    folder = sweeps / name
    if (folder / "config.yaml").is_file():
        return folder
    raise SweepError(f"there is no sweep `{name}` in {sweeps}/; {sweeps_there(sweeps, name)}")


def sweeps_there(sweeps: Path, name: str) -> str:
    """Return a list of the sweeps there are, the one that was probably meant first."""
    found = sorted(path.parent.name for path in sweeps.glob("*/config.yaml"))
    close = closest(name, found)
    hint = f"did you mean `{close}`? " if close else ""
    there = (
        f"there are: {', '.join(found)}"
        if found
        else f"run `{command_line('train', '+sweep=resnet')}`"
    )
    return f"{hint}{there}"
