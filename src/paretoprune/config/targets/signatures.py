"""Signatures of the classes and functions that targets name: arguments, types, traits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from paretoprune.config.callables import is_within, locate, refusal, trusted_packages
from paretoprune.config.target import Target

F = TypeVar("F", bound=Callable[..., Any])


def located_by(target: Target) -> object:
    """Return the class or function that `target` names; None if it must not be called."""
    if refusal(target.path, trusted_packages(target.trusted)):
        return None
    return locate(target.path)


def declares(*traits: str) -> Callable[[F], F]:
    """Decorate a function that is named by a `_target_` with its traits.

    A class sets its attribute `traits` instead. `has_trait` reads both.
    """

    def mark(made: F) -> F:
        vars(made)["traits"] = traits
        return made

    return mark


def has_trait(target: Target, name: str) -> bool:
    """Return True if the class or function that `target` names lists `name` in its `traits`."""
    return name in getattr(located_by(target), "traits", ())


def offered_by(task: Target) -> tuple[str, ...]:
    """Return the arguments of a model's class that a task offers: the `offers` of its class."""
    return tuple(getattr(located_by(task), "offers", ()))


def offers(target: Target, name: str) -> bool:
    """Return False if the class named by `target` lacks the method; True for functions."""
    located = locate(target.path)
    return not inspect.isclass(located) or hasattr(located, name)


def argument_types(target: Target) -> dict[str, Any]:
    """Return the argument annotations of a target defined in paretoprune; empty for other targets.

    Annotations of third-party code are not relied upon.
    """
    located = locate(target.path)
    if not is_within(str(located.__module__), ["paretoprune"]):
        return {}
    # The fields of a dataclass have the names of the module in which they are defined.
    is_plain_class = inspect.isclass(located) and not is_dataclass(located)
    called = located.__init__ if is_plain_class else located
    return get_type_hints(called, include_extras=True)


def target_arguments(target: Target) -> list[str]:
    """Return the arguments that the callee takes as a `Target`, to build them itself."""
    types = argument_types(target)
    return [name for name in target.arguments if types.get(name) is Target]


def function_arguments(target: Target) -> dict[str, str]:
    """Return the dotted paths that are given for arguments which are functions, by argument."""
    if not is_within(target.path, ["paretoprune"]) or refusal(target.path, target.trusted):
        return {}
    types = argument_types(target)
    return {
        name: value
        for name, value in target.arguments.items()
        if isinstance(value, str) and _is_function(types.get(name))
    }


def argument_names(target: Target, *, provided: Iterable[str] = ()) -> list[str]:
    """Return the arguments that a user may give to a target; none if it must not be called."""
    if refusal(target.path, trusted_packages(target.trusted)):
        return []
    return [name for name in parameters_of(locate(target.path)) if name not in provided]


def argument_defaults(path: str) -> dict[str, Any]:
    """Return the default of each argument of the target at a dotted path, by name."""
    parameters = parameters_of(locate(path))
    return {n: p.default for n, p in parameters.items() if p.default is not p.empty}


def _is_function(kind: Any) -> bool:
    return Callable in (get_origin(one) for one in (kind, *get_args(kind)))


def parameters_of(located: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """Return the parameters of a callable that can be passed by name."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    signature = inspect.signature(located)
    return {name: p for name, p in signature.parameters.items() if p.kind in kinds}
