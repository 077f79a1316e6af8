"""The command line of `train` and `inspect`: its mistakes, and the arguments for Hydra."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from paretoprune.cli.foreign_configs import given_trust, name_mistakes
from paretoprune.cli.parsing.unread import not_parsed, unknown_option, with_home, without_spaces
from paretoprune.config.compose import CONF, option_mistakes, options_in
from paretoprune.config.mistakes.unknown_names import can_be_null

_KEY = re.compile(r"\+{0,2}[\w][^\s\[\](){}]*")
_GRID = {"-m", "--multirun"}
# Options of Hydra, spelled out. Hydra would take `--config-d` for `--config-dir`, which a check
# must not miss; other primary configs and pickled reruns are not for sweeps.
_FLAGS = {
    *("--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--resolve", "--package", "-p"),
    *("--run", "-r", "--multirun", "-m", "--config-dir", "-cd"),
    *("--info", "-i"),
}
_BUNDLES = "sweep"  # the group that is added to the defaults: `+sweep=resnet`
_OF_AN_OPTION = ("is missing", "is not an argument of", "needs `")  # what it alone can tell


@dataclass(frozen=True)
class CommandLine:
    """A command line that was read."""

    arguments: list[str]  # without those that are wrong; an option that was nearly right, corrected
    mistakes: list[str]  # a sentence for each wrong one
    unknown_options: frozenset[str]  # the groups of which an option was named that there is not
    folders: list[Path]  # of configs: ours, and those that `--config-dir` adds
    trust: tuple[str, ...] = ()  # packages that `trust=...` or the environment names

    @property
    def overrides(self) -> list[str]:
        """The arguments that are `key=value`."""
        return [a for a in self.arguments if "=" in a and not a.startswith("-")]

    @property
    def is_grid(self) -> bool:
        """Return True if `-m` asks for a run for each combination of values."""
        return not _GRID.isdisjoint(self.arguments)

    @property
    def adds_folders(self) -> bool:
        """True if configs of other folders than ours are composed."""
        return self.folders != [CONF] or any("searchpath" in one for one in self.arguments)

    def all_mistakes(self, of_the_rest: Sequence[str]) -> list[str]:
        """The mistakes, and those of the rest that do not follow from them.

        What `model=resnet21` would have taken is not known.
        """
        groups = tuple(f"`{group}." for group in self.unknown_options)
        known = [
            one
            for one in of_the_rest
            if not (one.startswith(groups) and any(words in one for words in _OF_AN_OPTION))
        ]
        return [*self.mistakes, *known]


def read_command_line(arguments: Sequence[str]) -> CommandLine:
    """Read the arguments; each `key=value` may name any key.

    Hydra stops at the first key that it does not know; our own check names all of them together.
    """
    folders = [CONF, *_extra_folders(arguments)]
    groups = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()}
    is_grid = not _GRID.isdisjoint(arguments)
    kept, mistakes, unknown = [], _grid_mistakes(arguments), set()
    arguments, spaced = without_spaces([with_home(one) for one in arguments])
    mistakes += spaced
    trust: list[str] = []
    neighbours = zip(["", *arguments], arguments, [*arguments[1:], ""], strict=False)
    for before, argument, after in neighbours:
        key, separator, value = argument.partition("=")
        name = key.lstrip("+")
        if key.startswith("-") and key not in _FLAGS:
            mistakes.append(unknown_option(argument, after))
        elif not separator and before.startswith("-") and before not in _FLAGS:
            continue  # the value of an option that there is not
        elif key.startswith(("-", "~")) or (not separator and before.startswith("-")):
            kept.append(argument)
        elif separator and not value and key:
            mistakes.append(_empty(key))
        elif name == "trust":
            found = name_mistakes(value)
            mistakes += found
            trust += [] if found else [value]
            kept += [] if found else [f"++trust=[{','.join(given_trust([value]))}]"]
        elif found := _grammar_mistakes(argument, is_grid=is_grid, groups=groups, folders=folders):
            mistakes += found
        elif name in groups:
            found, likely = option_mistakes(name, value, folders)
            mistakes += found
            unknown |= _decided_by(name) if found else set()
            key = f"+{name}" if name == _BUNDLES else key
            kept += [f"{key}={likely}"] if likely else []
        elif not name.startswith(("hydra.", "hydra/")):
            kept.append(f"++{name}={value}")
        else:
            kept.append(argument)
    return CommandLine(kept, mistakes, frozenset(unknown), folders, given_trust(trust))


def _decided_by(group: str) -> set[str]:
    """The groups that an option of this one decides on; a sweep's is a bundle with a search."""
    return {group, "search"} if group == "sweep" else {group}


def _empty(key: str) -> str:
    """Return the sentence about `key=`."""
    name = key.lstrip("+")
    if name.startswith("search.objectives."):
        return f"`{key}=` has no value; write `{key}=minimize` or `{key}=maximize`"
    instead = f"write `{key}=null` for none" if can_be_null(name) else f"leave `{key}=` out"
    return f"`{key}=` has no value; give one, or {instead}"


def _grammar_mistakes(
    argument: str, *, is_grid: bool, groups: Collection[str], folders: Sequence[Path]
) -> list[str]:
    key, separator, value = argument.partition("=")
    if not separator or not _KEY.fullmatch(key):
        sweeps = options_in(_BUNDLES, folders)
        meant = f"+{_BUNDLES}={argument}" if argument in sweeps else "key=value"
        return [f"`{argument}` is not understood; write `{meant}`, see --help"]
    try:
        [override] = OverridesParser.create().parse_overrides([argument])
    except OverrideParseException:
        return [f"`{argument}` is not understood; {not_parsed(key, value)}"]
    if override.is_sweep_override() and not is_grid:
        is_option = key.lstrip("+") in groups
        instead = "name one" if is_option else f"write `{key}=[{value}]` for a list"
        return [f"`{argument}` gives several values; add `-m` for a run with each, or {instead}"]
    return []


def _grid_mistakes(arguments: Sequence[str]) -> list[str]:
    searches = [a for a in arguments if a.lstrip("+").startswith(("sweep=", "search="))]
    if not searches or _GRID.isdisjoint(arguments):
        return []
    return [
        "`-m` makes a grid of single runs, and a sweep is a search of its own; "
        f"leave out `-m`, or leave out `{searches[0]}`"
    ]


def _extra_folders(arguments: Sequence[str]) -> list[Path]:
    """The folders that `--config-dir` adds."""
    found: list[Path] = []
    for index, argument in enumerate(arguments):
        option, separator, value = argument.partition("=")
        if option in ("--config-dir", "-cd"):
            found += [Path(value)] if separator else map(Path, arguments[index + 1 : index + 2])
    return [folder for folder in found if folder.is_dir()]
