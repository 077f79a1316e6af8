"""Arguments of the commands beside `train`: `key=value` options, and sweeps by name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from paretoprune.cli.closed_pipe import quiet_on_closed_pipe
from paretoprune.cli.compose import disable_spinning, fail_with, find_own_code, print_version
from paretoprune.cli.foreign_configs import given_trust
from paretoprune.cli.parsing.unread import unknown_option, with_home, without_spaces
from paretoprune.config.invocation import command_line, in_callers_form
from paretoprune.config.name_patterns import closest
from paretoprune.errors import SettingsError, SweepError

_LAST_PORT = 65535


@quiet_on_closed_pipe()
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


def first_name(arguments: Sequence[str]) -> str:
    """The name before the options. Raises SettingsError for an option such as `--rule`."""
    name, *rest = arguments
    if name.startswith("-"):
        raise SettingsError([unknown_option(name, *rest[:1])])
    return name


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
    arguments, mistakes = without_spaces([with_home(one) for one in arguments])
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=False):
        key, separator, value = argument.partition("=")
        if argument.startswith("-"):
            mistakes.append(unknown_option(argument, after))
        elif not separator:
            mistakes.append(f"`{argument}` is not understood; write `key=value`, see --help")
        elif not value:
            mistakes.append(f"`{argument}` has no value; give one, or leave `{argument}` out")
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


def port_number(options: Mapping[str, str], default: int) -> int:
    """The option `port`. Raises SettingsError for a value that is no port."""
    port = whole_number("port", options.get("port", str(default)))
    if port > _LAST_PORT:
        raise SettingsError([f"`port={port}` must be at most {_LAST_PORT}"])
    return port


def one_of(key: str, value: str, known: Sequence[str]) -> str:
    """An option's value that must be one of those that are known. Raises SettingsError if not."""
    if value in known:
        return value
    close = closest(value, known)
    hint = f"did you mean `{key}={close}`? " if close else ""
    raise SettingsError([f"there is no {key} `{value}`; {hint}there are: {', '.join(known)}"])


def listed(text: str) -> list[str]:
    """The parts of `a,b` or `[a, b]`."""
    return [part.strip() for part in text.strip("[]").split(",") if part.strip()]


def find_sweep(sweeps: Path, name: str) -> Path:
    """The folder of a sweep, by its name or its path.

    Raises SweepError, with the names of the sweeps, if there is none.
    """
    if "=" in name:
        raise SettingsError(
            [f"a sweep must be named before `{name}`; {sweeps_there(sweeps, name)}"]
        )
    for folder in (sweeps / name, Path(name)):
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
