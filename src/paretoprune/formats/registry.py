"""Export formats by name: those of the package, and a user's own that this process was given."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator, Sequence

import paretoprune.formats
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.config.targets.arguments import find_mistakes
from paretoprune.errors import ExportError, SettingsError
from paretoprune.formats.format import GraphFormat
from paretoprune.formats.int8 import INT8_FORMATS


def _found() -> Iterator[tuple[str, GraphFormat]]:
    """Yield the formats of the package: the module `NAME` with the function `NAME`."""
    for module in pkgutil.iter_modules(paretoprune.formats.__path__):
        if module.name == __name__.rpartition(".")[2]:
            continue
        path = f"{paretoprune.formats.__name__}.{module.name}"
        make = getattr(importlib.import_module(path), module.name, None)
        if make is not None:
            yield module.name, make()


FORMATS: dict[str, GraphFormat] = dict(_found())  # of float modules
GRAPHS: dict[str, GraphFormat] = {**FORMATS, **INT8_FORMATS}  # of integer modules too


def add_own(names: Sequence[str], trust: Sequence[str]) -> None:
    """Add the formats among `names` that are dotted paths of a user's own functions.

    They are known under their paths from then on, in this process.

    Raises:
        SettingsError: a path is not trusted or cannot be called, or does not return a format.
    """
    for name in names:
        if "." not in name or name in GRAPHS:
            continue
        target = Target(path=name, trust=trust)
        if mistakes := find_mistakes(target, setting="format"):
            raise SettingsError(mistakes)
        made = build(target)
        if not isinstance(made, GraphFormat):
            raise SettingsError(
                [
                    f"`format={name}` must return a GraphFormat, got {type(made).__name__}; see "
                    "docs/how-to/add-a-format.md"
                ]
            )
        if wrong := [file for file in made.files if not file.startswith("model.")]:
            raise SettingsError(
                [f"`format={name}` writes `{wrong[0]}`; names of files must begin with `model.`"]
            )
        FORMATS[name] = GRAPHS[name] = made


def check_installed(name: str) -> None:
    """Check that the packages of a format are installed.

    Raises:
        ExportError: a package is missing; the message has the command to install it.
    """
    missing = [
        package for package in GRAPHS[name].packages if importlib.util.find_spec(package) is None
    ]
    if missing:
        extra = GRAPHS[name].extra
        package = f"paretoprune[{extra}]" if extra else missing[0]
        raise ExportError(
            f"`{name}` needs {', '.join(missing)}; install it with `pip install '{package}'`"
        )
