"""Suggestions for names of settings that do not exist."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.groups.trainer import ELSEWHERE
from paretoprune.config.invocation import command_line
from paretoprune.config.name_patterns import closest
from paretoprune.config.settings import Settings
from paretoprune.config.target import Target

_SHORT_NAMES = {"lr": "learning_rate", "trials": "n_trials", "num_trials": "n_trials"}
# Options of the other commands, by command.
OF_COMMANDS = {
    "pick": (
        *("rule", "n", "trial", "format", "bits", "seeds", "register", "licence"),
        *("max_macs", "max_params", "max_latency_ms", "max_accuracy_drop", "min_accuracy"),
    ),
    "report": ("published", "serve", "port", "open", "send"),
    "compare": ("out",),
    "latency": ("batch", "engine"),
}
_NOW_GROUPS = {"sparsity.allocation": "allocation"}  # settings that are groups of options now
_OF_DATA = ("batch_size", "path", "root")  # arguments of most data sets


def suggestion(
    location: Sequence[int | str], strategy_options: Sequence[str], given: object = None
) -> str:
    """Return `; did you mean ...?`, or the list of valid names, for an unknown setting.

    `location` is the setting's path from the top, `given` its value; `strategy_options` are
    `strategy.NAME` of the configured strategy.
    """
    if group := _NOW_GROUPS.get(".".join(map(str, location))):
        return f"; write `{group}={given}`"
    owner: Any = Settings
    for part in location[:-1]:
        owner = _dataclass_in(get_type_hints(owner).get(str(part)))
        if owner is None:
            return ""
    if location[0] == "trainer" and (instead := ELSEWHERE.get(str(location[-1]))):
        return f" of a trial: {instead}"
    if len(location) == 1 and (instead := _of_the_command_line(str(location[0]))):
        return f"; {instead}"
    names = [field.name for field in dataclasses.fields(owner)]
    options = [*strategy_options] if owner is SearchSettings else []
    prefix = "".join(f"{part}." for part in location[:-1])
    if likely := _likely(str(location[-1]), prefix, names, options):
        *others, last = [f"`{name}`" for name in likely]
        return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
    owns = f"`{prefix.rstrip('.')}` has" if prefix else "the settings are"
    return f"; {owns}: {', '.join([*names, *options])}"


def _of_the_command_line(name: str) -> str:
    """Return where a name belongs that is an option of another command, or a bundle of settings."""
    if name == "sweeps":
        return "did you mean `+sweep`?"
    command = next((one for one, options in OF_COMMANDS.items() if name in options), None)
    return f"it is an option of `{command_line(command)}`" if command else ""


def _likely(name: str, prefix: str, names: Sequence[str], options: Sequence[str]) -> list[str]:
    """The settings that were probably meant, by their whole names: of the same group, else of
    any that has this name; for one without a group also of any that has one like it."""
    name = _SHORT_NAMES.get(name, name)
    everywhere = _elsewhere(name)
    close = next((one for one in options if one.endswith(f".{name}")), None)
    if not prefix and everywhere:
        return everywhere
    if close := close or closest(name, names):
        return [f"{prefix}{close}"]
    near = None if prefix else closest(name, _all_names(Settings))
    return everywhere or (_elsewhere(near) if near else [])


def _elsewhere(name: str) -> list[str]:
    """The settings of groups that have this name, by their whole names."""
    return [*_named(Settings, name), *([f"data.{name}"] if name in _OF_DATA else [])]


def _all_names(owner: Any) -> list[str]:
    """The names of the settings of all groups, without those of the groups."""
    found = []
    for field, inner in _fields_of(owner):
        found += [field] if inner is None else _all_names(inner)
    return found


def _named(owner: Any, name: str, prefix: str = "") -> list[str]:
    found = []
    for field, inner in _fields_of(owner):
        if field == name and prefix:
            found.append(f"{prefix}{field}")
        elif inner is not None:
            found += _named(inner, name, f"{prefix}{field}.")
    return found


def _fields_of(owner: Any) -> list[tuple[str, Any]]:
    """The settings of a group, each with the dataclass of its own settings, if it has some."""
    hints = get_type_hints(owner)
    inner = {field: _dataclass_in(hint) for field, hint in hints.items() if field[0] != "_"}
    return [(field, None if found is Target else found) for field, found in inner.items()]


def can_be_null(name: str) -> bool:
    """Return True for a setting that may be `null`, by its whole name."""
    owner: Any = Settings
    *groups, last = name.split(".")
    for part in groups:
        owner = _dataclass_in(get_type_hints(owner).get(part)) if owner else None
    hint = get_type_hints(owner).get(last) if owner else None
    return type(None) in get_args(hint)


def _dataclass_in(hint: Any) -> Any:
    """Return the dataclass in an annotation such as `SearchSettings | None`."""
    candidates = (hint, *getattr(hint, "__args__", ()))
    return next((c for c in candidates if dataclasses.is_dataclass(c)), None)
