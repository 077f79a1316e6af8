"""Configs from folders that the user adds: they choose settings, and must not call code or read
files.

Hydra itself calls what its own settings name, and OmegaConf what a `${resolver:...}` names, both
before our own check of the settings begins. So these are refused as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from paretoprune.config.callables import TRUST_VARIABLE, trusted_packages
from paretoprune.errors import SettingsError

# `${seed}`, `${data.size}`, `${.size}`: the value of another setting. All else calls something.
_REFERENCE = re.compile(r"\$\{\.*[A-Za-z_][\w.]*(\[\d+\][\w.]*)*\}")
_NO_PACKAGE = ("true", "false", "null", "none", "yes", "no", "all")  # values of other settings
# Settings of Hydra that describe the composition, and change no behaviour.
_DESCRIPTIVE = ("overrides", "runtime", "searchpath", "job.override_dirname")


def refuse_resolvers(config: DictConfig) -> None:
    """Raises SettingsError where a setting refers to anything but another setting."""
    raw = OmegaConf.to_container(config, resolve=False)
    mistakes = [
        f"`{place}={text}`: `${{...}}` may only name another setting, such as `${{seed}}`; "
        "write the value itself"
        for place, text in _texts(raw)
        if "${" in _REFERENCE.sub("", text)
    ]
    if mistakes:
        raise SettingsError(mistakes)


def refuse_hydra_settings(composed: DictConfig, own: DictConfig) -> None:
    """Raises SettingsError where configs of added folders set anything of Hydra's own.

    `composed` and `own` are the overrides for Hydra with these configs and without them.
    """
    theirs, ours = _settings(composed), _settings(own)
    changed = sorted(key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key))
    if changed:
        raise SettingsError(
            [
                f"a config sets `hydra.{key}={theirs.get(key)}`, which it must not: Hydra would "
                "act on it unchecked; give it on the command line"
                for key in changed
            ]
        )


def refuse_cluster(composed: DictConfig, overrides: Sequence[str]) -> None:
    """Raises SettingsError where a config names a Ray cluster, and the command line does not.

    A cluster answers with pickles.
    """
    address = OmegaConf.select(composed, "executor.address")
    given = any(one.lstrip("+").startswith("executor.address=") for one in overrides)
    if address not in (None, "auto") and not given:
        raise SettingsError(
            ["a config sets `executor.address`, which it must not: give it on the command line"]
        )


def trust_mistakes(composed: object, given: Sequence[str]) -> list[str]:
    """Return a sentence where a config file widens the trust that the command line gave."""
    named = composed if isinstance(composed, list | tuple) else [composed] if composed else []
    more = [str(name) for name in named if str(name) not in given]
    if not more:
        return []
    wanted = ",".join([*given, *more])
    return [
        "`trust` counts on the command line alone, not in a config file, which may be a "
        f"stranger's; if you know that code, add `trust=[{wanted}]` to the command, or set "
        f"{TRUST_VARIABLE}={wanted}"
    ]


def given_trust(values: Sequence[str]) -> tuple[str, ...]:
    """The packages in the values of the `trust=...` of a command line, and in the environment."""
    return trusted_packages(name for value in values for name in _names_in(value))


def name_mistakes(value: str) -> list[str]:
    """Return a sentence for each name in the value of `trust=...` that is no package's."""
    mistakes = []
    for name in _names_in(value):
        package = name.removesuffix(".py")
        if package != name:
            mistakes.append(f"`trust={name}` must name a module; write `trust=[{package}]`")
        elif name.lower() in _NO_PACKAGE or not all(map(str.isidentifier, name.split("."))):
            mistakes.append(
                f"`trust={name}` must name packages of yours, such as `trust=[my_net,my_data]`"
            )
    return mistakes


def _names_in(value: str) -> list[str]:
    names = (name.strip(" '\"") for name in value.strip("[] ").split(","))
    return [name for name in names if name]


def _settings(hydra: DictConfig) -> dict[str, Any]:
    raw = OmegaConf.to_container(hydra, resolve=False)
    assert isinstance(raw, dict)
    return {
        place: value
        for place, value in _leaves(raw, "")
        if not any(
            place == name or place.startswith((f"{name}.", f"{name}[")) for name in _DESCRIPTIVE
        )
    }


def _texts(value: object) -> Iterator[tuple[str, str]]:
    return ((place, leaf) for place, leaf in _leaves(value, "") if isinstance(leaf, str))


def _leaves(value: object, place: str) -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, and every key, with the setting that it stands in."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            name = f"{place}.{key}".removeprefix(".")
            if "${" in str(key):
                yield name, str(key)
            yield from _leaves(inner, name)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{index}]")
    else:
        yield place, value
