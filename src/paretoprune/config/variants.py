"""Options that only some variants of a config group take, in the user's spelling.

Variants of some groups are named by a `_target_` and have their own options (`spelled`,
`misplaced`); those of others by `name`, with the options marked by `Of`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, get_type_hints

from paretoprune.config.compose import targets_of
from paretoprune.config.name_patterns import closest
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import argument_names


class Of:
    """Marks the variants that take an option, in its annotation: `Annotated[float, Of("l1")]`."""

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


def _any_of(group: str, variants: Sequence[str]) -> str:
    """Return "`group=a`, `group=b` or `group=c`"."""
    *others, last = [f"`{group}={name}`" for name in variants]
    return f"{', '.join(others)} or {last}" if others else last


def spelled(group: str, target: Target) -> str:
    """Return how a command names the variant: `schedule=iterative`, or its `_target_`."""
    config = next((n for n, path in targets_of(group).items() if path == target.path), None)
    return f"`{group}={config}`" if config else f"`{group}._target_={target.path}`"


def misplaced(
    group: str, target: Target, *, common: Sequence[str] = (), provided: Sequence[str] = ()
) -> dict[str, str]:
    """Return a sentence for each argument that belongs to other variants or is misspelt, by name.

    `common` are the settings of the group that all variants have, `provided` the arguments that
    the program gives. Groups without a folder of configs, and targets that must not be called, have
    no such sentences.
    """
    own = [*common, *argument_names(target, provided=provided)]
    found = {}
    for name in target.arguments if targets_of(group) and _is_ours(target) else ():
        if name in own or name.startswith("_"):
            continue
        others = [*_with_option(group, name, provided)]
        close = closest(name, own)
        if others:
            found[name] = (
                f"`{group}.{name}` needs {_any_of(group, others)}; "
                f"{spelled(group, target)} takes: {', '.join(own) or 'no options'}"
            )
        elif close:
            found[name] = f"`{group}.{name}` is not a setting; did you mean `{group}.{close}`?"
    return found


def without(target: Target, names: Mapping[str, object]) -> Target:
    """Return the target without the named arguments."""
    rest = {name: value for name, value in target.arguments.items() if name not in names}
    return replace(target, arguments=rest, trust=target.trusted)


def _is_ours(target: Target) -> bool:
    """Return True for variants of the package; the options of a user's own are not checked."""
    return target.path.startswith("paretoprune.")


def _with_option(group: str, option: str, provided: Sequence[str]) -> Iterator[str]:
    for name, path in targets_of(group).items():
        if option in argument_names(Target(path=path), provided=provided):
            yield name
