"""Mistakes in the arguments of a target."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from paretoprune.config.callables import locate
from paretoprune.config.target import Target
from paretoprune.config.targets.calls import POSITIONAL, forbidden
from paretoprune.config.targets.signatures import parameters_of

_RESERVED = ("context",)  # only the program can provide it


def find_mistakes(target: Target, *, setting: str, provided: Iterable[str] = ()) -> list[str]:
    """Return one sentence for each reason why `build(target, **provided)` would fail."""
    return forbidden(target, setting) or _argument_mistakes(target, setting, set(provided))


def _argument_mistakes(target: Target, setting: str, provided: set[str]) -> list[str]:
    located = locate(target.path)
    parameters = parameters_of(located)
    signature = inspect.signature(located)
    free = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    free &= not _ignores_arguments(located)
    names = ", ".join(name for name in parameters if name not in provided) or "none"
    options = [name for name in parameters if name not in provided or name not in _RESERVED]
    unknown = [name for name in target.arguments if name not in options and name[0] != "_"]
    mistakes = [
        f"`{setting}.{name}` is not an argument of `{target.path}`; it takes: {names}"
        for name in unknown
        if not free
    ]
    by_place = [*parameters][: len(target.arguments.get(POSITIONAL, ()))]
    for name, parameter in parameters.items():
        given = name in target.arguments or name in provided or name in by_place
        if parameter.default is parameter.empty and not given:
            mistakes.append(f"`{setting}.{name}` is missing; `{target.path}` needs it")
    return mistakes


def _ignores_arguments(located: object) -> bool:
    """Return True for a class whose constructor is Lightning's, which drops what it is given."""
    made = getattr(located, "__init__", None)
    return str(getattr(made, "__module__", "")).startswith("lightning.pytorch.core")
