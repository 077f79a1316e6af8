"""Conversion of a composed config into `Settings`, or into one message per mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter, ValidationError

from paretoprune.config.callables import trusted_packages
from paretoprune.config.groups.task import AUTO
from paretoprune.config.mistakes.sentences import sentences_of
from paretoprune.config.mistakes.targets import target_mistakes
from paretoprune.config.settings import Settings
from paretoprune.config.target import Target
from paretoprune.config.targets.form import with_targets
from paretoprune.config.targets.signatures import located_by
from paretoprune.errors import SettingsError
from paretoprune.metrics import register

Location = tuple[int | str, ...]  # of a setting, from the top


def load_settings(config: Mapping[str, Any], *, trust: Sequence[str] = ()) -> Settings:
    """Validate a composed config (plain dicts and lists) and return it as `Settings`.

    `trust` names the user packages that a `_target_` may call. The config's own `trust` entry is
    only a record and grants nothing.

    Raises SettingsError with every mistake, each one sentence in the user's spelling.
    """
    shaped = with_targets({**config, "trust": trusted_packages(trust)})
    settings, mistakes = None, []
    _import_task(shaped)
    try:
        settings = TypeAdapter(Settings).validate_python(shaped)
    except ValidationError as error:
        details = error.errors()
        mistakes = [one for detail in details for one in sentences_of(detail, shaped)]
        if wrong := [detail["loc"] for detail in details if detail["loc"]]:
            mistakes += _that_do_not_fit_together(shaped, wrong)
    mistakes += target_mistakes(shaped)
    if settings is None or mistakes:
        raise SettingsError(mistakes)
    return settings


def _import_task(config: Mapping[str, Any]) -> None:
    """Register the qualities of the task that objectives may name.

    Its module registers them when it is imported, or its options define them.
    """
    with suppress(Exception):  # what is wrong with it is reported later
        target = TypeAdapter(Target).validate_python(config.get("task", AUTO))
        known = getattr(located_by(target), "known_qualities", None)
        for quality in known(**target.arguments) if known else ():
            register(quality)


def _that_do_not_fit_together(config: Mapping[str, Any], wrong: Sequence[Location]) -> list[str]:
    """Return the violated cross-setting rules, with the `wrong` settings left out.

    Pydantic runs cross-field validators only if every single value is valid.
    """
    rest = config
    for location in wrong:
        rest = _without(rest, location)
    try:
        TypeAdapter(Settings).validate_python(rest)
    except ValidationError as error:
        found = [d for d in error.errors() if d["type"] == "value_error"]
    else:
        return []
    sentences = [one for detail in found for one in sentences_of(detail)]
    return [one for one in sentences if not any(_is_about(one, place) for place in wrong)]


def _without(config: Mapping[str, Any], location: Location) -> Mapping[str, Any]:
    first, *deeper = location
    inner = config.get(str(first))
    if deeper and isinstance(inner, Mapping) and deeper[0] in inner:
        return {**config, str(first): _without(inner, tuple(deeper))}
    return {key: value for key, value in config.items() if key != first}


def _is_about(sentence: str, location: Location) -> bool:
    """Return True if the sentence names the setting or its parent (also as `schedule=...`)."""
    path = ".".join(map(str, location))
    holder = path.rpartition(".")[0]
    names = [path, f"{path.removesuffix('.name')}=", holder if "." in holder else path]
    return any(f"`{name}" in sentence for name in names)
