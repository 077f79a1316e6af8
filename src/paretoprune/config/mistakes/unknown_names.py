"""Suggestions for names of settings that do not exist."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, get_type_hints

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.groups.trainer import ELSEWHERE
from paretoprune.config.name_patterns import closest
from paretoprune.config.settings import Settings
from paretoprune.config.target import Target

_SHORT_NAMES = {"lr": "learning_rate", "trials": "n_trials", "num_trials": "n_trials"}


def suggestion(location: Sequence[int | str], strategy_options: Sequence[str]) -> str:
    """Return `; did you mean ...?`, or the list of valid names, for an unknown setting.

    `location` is the setting's path from the top; `strategy_options` are `strategy.NAME` of the
    configured strategy.
    """
    owner: Any = Settings
    for part in location[:-1]:
        owner = _dataclass_in(get_type_hints(owner).get(str(part)))
        if owner is None:
            return ""
    if location[0] == "trainer" and (instead := ELSEWHERE.get(str(location[-1]))):
        return f" of a trial: {instead}"
    names = [field.name for field in dataclasses.fields(owner)]
    options = [*strategy_options] if owner is SearchSettings else []
    close = next((name for name in options if name.endswith(f".{location[-1]}")), None)
    elsewhere = [] if len(location) > 1 else _elsewhere(str(location[0]))
    if elsewhere and location[0] not in names:
        *others, last = [f"`{name}`" for name in elsewhere]
        return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
    close = close or closest(str(location[-1]), names)
    prefix = "".join(f"{part}." for part in location[:-1])
    if close:
        return f"; did you mean `{prefix}{close}`?"
    return f"; `{prefix.rstrip('.') or 'the top level'}` has: {', '.join([*names, *options])}"


def _elsewhere(name: str) -> list[str]:
    """The settings of groups that have this name, by their whole names."""
    name = _SHORT_NAMES.get(name, name)
    return [*_named(Settings, name), *(["data.batch_size"] if name == "batch_size" else [])]


def _named(owner: Any, name: str, prefix: str = "") -> list[str]:
    found = []
    for field, hint in get_type_hints(owner).items():
        inner = _dataclass_in(hint)
        if field == name and prefix:
            found.append(f"{prefix}{field}")
        elif inner is not None and inner is not Target and not field.startswith("_"):
            found += _named(inner, name, f"{prefix}{field}.")
    return found


def _dataclass_in(hint: Any) -> Any:
    """Return the dataclass in an annotation such as `SearchSettings | None`."""
    candidates = (hint, *getattr(hint, "__args__", ()))
    return next((c for c in candidates if dataclasses.is_dataclass(c)), None)
