"""Validate and build `_target_` values: the only place where a dotted path of a config is called.

A config that names callables is code, so the allowed callables are listed (`config/callables.py`)
and everything else is refused at any nesting depth. Exactly the validated value is built: plain
data without unresolved references.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from paretoprune.config.callables import locate
from paretoprune.config.model_builders import fetch_nothing, is_builder
from paretoprune.config.target import Target
from paretoprune.config.targets.calls import PARTIAL, POSITIONAL, SPECIAL, TARGET, forbidden
from paretoprune.config.targets.signatures import (
    function_arguments,
    parameters_of,
    target_arguments,
)
from paretoprune.errors import SettingsError


def build(target: Target, **provided: object) -> Any:
    """Call `target` with its arguments and those of `provided` that it accepts by name."""
    return factory(target)(**provided)


def factory(target: Target) -> Callable[..., Any]:
    """Return the callable that `build` calls, for repeated use; nested targets are built once.

    Raises SettingsError for a target that must not be called.
    """
    if mistakes := forbidden(target, "target"):
        raise SettingsError(mistakes)
    located = locate(target.path)
    accepted = parameters_of(located)
    unbuilt = {name: target.inner(name) for name in target_arguments(target)}
    rest = {name: value for name, value in target.arguments.items() if name not in unbuilt}
    positional, named = _built_arguments(target.path, rest)
    named |= {name: locate(path) for name, path in function_arguments(target).items()}

    def build_one(**provided: object) -> Any:
        extra = {name: value for name, value in provided.items() if name in accepted}
        return located(*positional, **{**extra, **named, **unbuilt})

    return build_one


def _built_arguments(path: str, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and keyword arguments of a call, with nested targets built."""
    located = locate(path)
    unasked = fetch_nothing(located) if is_builder(path, located) else {}
    named = {name: _built(v) for name, v in arguments.items() if name not in SPECIAL}
    return [_built(value) for value in arguments.get(POSITIONAL, ())], {**unasked, **named}


def _built(value: Any) -> Any:
    """Return validated plain data with each target replaced by the object that it builds."""
    if isinstance(value, list | tuple):
        return [_built(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if TARGET not in value:
        return {name: _built(inner) for name, inner in value.items()}
    path = value[TARGET]
    positional, named = _built_arguments(path, value)
    if value.get(PARTIAL):
        return partial(locate(path), *positional, **named)
    return locate(path)(*positional, **named)
