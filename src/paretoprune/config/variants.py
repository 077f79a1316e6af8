"""Options of a config group that only some of its variants take."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints


class Of:
    """Marks the annotation of an option: `Annotated[int, Of("nm")]` is one of the variant `nm`."""

    def __init__(self, *variants: str) -> None:
        """The values of `name` with which the option has an effect."""
        self.variants = variants


def without_effect(settings: Any, group: str) -> list[str]:
    """Return a sentence for each option that was changed and has no effect with `name`."""
    marks = _marks(type(settings))
    chosen = f"`{group}={settings.name}`"
    others = {name for name, variants in marks.items() if settings.name not in variants}
    known = [field.name for field in fields(settings) if field.name not in others]
    takes = ", ".join(name for name in known if name != "name") or "no options"
    return [
        f"`{group}.{field.name}` needs {_any_of(group, marks[field.name])}; {chosen} takes: {takes}"
        for field in fields(settings)
        if field.name in others and getattr(settings, field.name) != field.default
    ]


def _marks(settings: type) -> dict[str, tuple[str, ...]]:
    """Return the variants that take an option, by its name; without options of all variants."""
    hints = get_type_hints(settings, include_extras=True)
    found = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {n: one.variants for n, marks in found.items() for one in marks if isinstance(one, Of)}


def _any_of(group: str, variants: tuple[str, ...]) -> str:
    *others, last = [f"`{group}={name}`" for name in variants]
    return f"{', '.join(others)} or {last}" if others else last
