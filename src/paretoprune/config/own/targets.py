"""Options whose `_target_` the user replaced: the arguments of the option's own class are removed.

`data=digits data._target_=my_data.MyData` means `data=own data._target_=my_data.MyData`: arguments
of digits are none of MyData's. The arguments that the user gave are those that remain when the
options named `own`, which hold a `_target_` alone, are composed with the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Config = Mapping[str, Any]
Compose = Callable[[Sequence[str]], Config]  # from options (`data=digits`) to a config

_TARGET = "_target_"
OWN = "own"
# The option with a `_target_` alone, where it is another: `task=own` has arguments.
_BARE = {"task": "auto"}


def with_own_arguments(
    config: Config, options: Config, compose: Compose, *, groups: Iterable[str]
) -> dict[str, Any]:
    """Return `config` without arguments of an option whose `_target_` was replaced.

    `options` is the config of the chosen options alone, without the user's values. `compose`
    returns the config of the user's values with other options. `groups` are those with an option
    `own`.
    """
    replaced = [g for g in groups if _is_replaced(config.get(g), options.get(g))]
    if not replaced:
        return dict(config)
    given = compose([f"{group}={_BARE.get(group, OWN)}" for group in replaced])
    kept = {group: _kept(config[group], options[group], given[group]) for group in replaced}
    return {**config, **kept}


def _is_replaced(value: Any, option: Any) -> bool:
    """Return True if a `_target_` of the option, at any depth, is another one in the value."""
    if not (isinstance(value, Mapping) and isinstance(option, Mapping)):
        return False
    return _is_other(value, option) or any(
        _is_replaced(value.get(key), option[key]) for key in option
    )


def _is_other(value: Config, option: Config) -> bool:
    return _TARGET in option and value.get(_TARGET, option[_TARGET]) != option[_TARGET]


def _kept(value: Any, option: Any, given: Any) -> Any:
    """Return the value without the option's arguments, except for the `given` ones."""
    if not all(isinstance(one, Mapping) for one in (value, option, given)):
        return value
    names = value if not _is_other(value, option) else [name for name in value if name in given]
    return {name: _kept(value[name], option.get(name), given.get(name)) for name in names}
