"""Completion of a config with its defaults, so that configs of two versions can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import PurePath
from typing import Any, get_args, get_type_hints

from paretoprune.config.settings import Settings
from paretoprune.config.target import Target


def with_defaults(config: Mapping[str, Any], settings: Any = Settings) -> dict[str, Any]:
    """Return the composed config, with missing settings filled in by their defaults.

    Arguments of a `_target_` are left unchanged.
    """
    filled = dict(config)
    hints = get_type_hints(settings)
    for field in fields(settings):
        inner, value = _settings_in(hints[field.name]), config.get(field.name)
        default = dict(_default_of(field))
        if field.name not in config:
            filled.update(default)
        elif inner and isinstance(value, Mapping) and value:
            # Settings such as `model.train` have defaults of their own.
            whole = default.get(field.name) if is_dataclass(field.default) else None
            filled[field.name] = with_defaults({**(whole or {}), **value}, inner)
    return filled


def _default_of(field: Field[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the field's name and its default in the form used by a config; nothing if
    it has none."""
    if field.default is not MISSING:
        yield field.name, _plain(field.default)
    elif field.default_factory is not MISSING:
        yield field.name, _plain(field.default_factory())


def _settings_in(hint: Any) -> Any:
    """Return the settings class in an annotation such as `SearchSettings | None`."""
    found = [c for c in (hint, *get_args(hint)) if is_dataclass(c) and c is not Target]
    return next(iter(found), None)


def _plain(value: Any) -> Any:
    if isinstance(value, Target):
        return {"_target_": value.path, **_plain(value.arguments)}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, PurePath) else value
