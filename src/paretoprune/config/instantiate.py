"""Validate and build `_target_` values: the only place where a dotted path of a config is called.

A config that names callables is code, so the allowed callables are listed (`config/callables.py`)
and everything else is refused at any nesting depth. Exactly the validated value is built: plain
data without unresolved references.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from paretoprune.config.callables import (
    can_be_trusted,
    is_listed,
    is_within,
    locate,
    refusal,
    trusted_packages,
)
from paretoprune.config.model_builders import builder_mistakes, fetch_nothing, is_builder
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError

F = TypeVar("F", bound=Callable[..., Any])

_TARGET, _POSITIONAL, _PARTIAL = "_target_", "_args_", "_partial_"
_RESERVED = ("context",)  # only the program can provide it
_SPECIAL = (_TARGET, _POSITIONAL, _PARTIAL)
_MOST_VALUES = 10_000  # per target, nested values included: protects against self-referencing files
_PLAIN = (str, bool, int, float, type(None))


def build(target: Target, **provided: object) -> Any:
    """Call `target` with its arguments and those of `provided` that it accepts by name."""
    return factory(target)(**provided)


def factory(target: Target) -> Callable[..., Any]:
    """Return the callable that `build` calls, for repeated use; nested targets are built once.

    Raises SettingsError for a target that must not be called.
    """
    if mistakes := _forbidden(target, "target"):
        raise SettingsError(mistakes)
    located = locate(target.path)
    accepted = _parameters(located)
    unbuilt = {name: target.inner(name) for name in target_arguments(target)}
    rest = {name: value for name, value in target.arguments.items() if name not in unbuilt}
    positional, named = _built_arguments(target.path, rest)
    named |= {name: locate(path) for name, path in function_arguments(target).items()}

    def build_one(**provided: object) -> Any:
        extra = {name: value for name, value in provided.items() if name in accepted}
        return located(*positional, **{**extra, **named, **unbuilt})

    return build_one


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
    """True if the class or function that `target` names lists `name` in its `traits`."""
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
    called = located.__init__ if inspect.isclass(located) else located
    return get_type_hints(called, include_extras=True)


def target_arguments(target: Target) -> list[str]:
    """The arguments that the callee takes as a `Target`, to build them itself."""
    types = argument_types(target)
    return [name for name in target.arguments if types.get(name) is Target]


def function_arguments(target: Target) -> dict[str, str]:
    """The dotted paths that are given for arguments which are functions, by argument."""
    if not is_within(target.path, ["paretoprune"]) or refusal(target.path, target.trusted):
        return {}
    types = argument_types(target)
    return {
        name: value
        for name, value in target.arguments.items()
        if isinstance(value, str) and _is_function(types.get(name))
    }


def argument_names(target: Target, *, provided: Iterable[str] = ()) -> list[str]:
    """The arguments that a user may give to a target; none if it must not be called."""
    if refusal(target.path, trusted_packages(target.trusted)):
        return []
    return [name for name in _parameters(locate(target.path)) if name not in provided]


def argument_defaults(path: str) -> dict[str, Any]:
    """Return the default of each argument of the target at a dotted path, by name."""
    parameters = _parameters(locate(path))
    return {n: p.default for n, p in parameters.items() if p.default is not p.empty}


def find_mistakes(target: Target, *, setting: str, provided: Iterable[str] = ()) -> list[str]:
    """Return one sentence for each reason why `build(target, **provided)` would fail."""
    return _forbidden(target, setting) or _argument_mistakes(target, setting, set(provided))


def own_packages(value: Any, trust: Iterable[str] = ()) -> list[str]:
    """Return the user packages named by targets in plain data and absent from `trust`."""
    nodes = islice(_nodes(value, ""), _MOST_VALUES)
    paths = [path for _, node in nodes if isinstance(node, dict) for path in _paths(node)]
    own = {path for path in paths if isinstance(path, str) and can_be_trusted(path)}
    trust = [*trust]
    return sorted({p.split(".")[0] for p in own if not is_listed(p) and not is_within(p, trust)})


def _paths(node: Mapping[str, Any]) -> list[Any]:
    """Return the dotted paths of a mapping: its `_target_`, and the functions it is given."""
    path = node.get(_TARGET)
    if not isinstance(path, str):
        return []
    arguments = {name: value for name, value in node.items() if name != _TARGET}
    return [path, *function_arguments(Target(path=path, arguments=arguments)).values()]


def trust_advice(targets: Iterable[Target]) -> list[str]:
    """Return advice on how to trust the user packages named by the targets; empty if all are
    trusted."""
    targets = [*targets]
    given = trusted_packages(name for target in targets for name in target.trusted)
    roots = [{**target.arguments, _TARGET: target.path} for target in targets]
    missing = own_packages(roots, given)
    if not missing:
        return []
    names = [*given, *missing]
    in_python = ", ".join(f'"{name}"' for name in names)
    return [
        f"if you know that code, add `trust=[{','.join(names)}]` to the command; "
        f"in Python, `trust=[{in_python}]`"
    ]


def _forbidden(target: Target, setting: str) -> list[str]:
    """Return a sentence for each value that is neither plain data nor an allowed call."""
    trust = trusted_packages(target.trusted)
    nodes = _nodes_of(target, setting)
    if len(nodes) > _MOST_VALUES:
        return [f"`{setting}` holds more than {_MOST_VALUES:,} values, or holds itself"]
    mistakes = [one for place, value in nodes for one in _node_mistakes(value, place, trust)]
    return mistakes or _function_mistakes(target, setting, trust)


def _function_mistakes(target: Target, setting: str, trust: Sequence[str]) -> list[str]:
    """Return a sentence for each function that must not be called: only a user's own may be."""
    own = [name for name in trust if can_be_trusted(name)]
    mistakes = []
    for name, path in function_arguments(target).items():
        reason = refusal(path, trust)
        if reason is None and not is_within(path, own):
            reason = "must be a function of your own"
        if reason:
            mistakes.append(f"`{setting}.{name}={path}` {reason}")
    return mistakes


def _nodes_of(target: Target, setting: str) -> list[tuple[str, Any]]:
    """Return the target and all values in it, up to one more than the allowed number."""
    root = {**target.arguments, _TARGET: target.path}
    return list(islice(_nodes(root, setting), _MOST_VALUES + 1))


def _nodes(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the value and every nested value, each with the setting it belongs to."""
    # iterative instead of recursive: files may be nested arbitrarily deep
    waiting = deque([(place, value)])
    while waiting:
        place, value = waiting.popleft()
        yield place, value
        if isinstance(value, dict):
            waiting.extend((f"{place}.{key}", inner) for key, inner in value.items())
        elif isinstance(value, list | tuple):
            waiting.extend((f"{place}[{index}]", inner) for index, inner in enumerate(value))


def _node_mistakes(value: Any, place: str, trust: Sequence[str]) -> list[str]:
    if isinstance(value, dict):
        if not all(isinstance(key, str) and "${" not in key for key in value):
            return [f"`{place}` must have names for its keys, got: {', '.join(map(str, value))}"]
        return _call_mistakes(value, place, trust) if _TARGET in value else []
    if isinstance(value, str) and "${" in value:
        return [f"`{place}={value}` must be a value, not a reference that is still to be resolved"]
    if isinstance(value, (*_PLAIN, list, tuple)):
        return []
    return [f"`{place}` must be a number, text, list or mapping, got {type(value).__name__}"]


def _call_mistakes(node: Mapping[str, Any], place: str, trust: Sequence[str]) -> list[str]:
    """Return the reasons why the call described by a mapping with a `_target_` is not allowed."""
    path = node[_TARGET]
    if not isinstance(path, str):
        return [f"`{place}._target_` must be a dotted name, got {path!r}"]
    if reason := refusal(path, trust):
        return [f"`{place}._target_={path}` {reason}"]
    unknown = [name for name in node if name.startswith("_") and name not in _SPECIAL]
    if unknown:
        return [f"`{place}.{unknown[0]}` is not an argument; special keys: _args_, _partial_"]
    positional, as_partial = node.get(_POSITIONAL, []), node.get(_PARTIAL, False)
    if not isinstance(positional, list | tuple) or not isinstance(as_partial, bool):
        return [f"`{place}`: `_args_` must be a list, `_partial_` true or false"]
    located = locate(path)
    if not is_builder(path, located):
        return []
    named = {name: value for name, value in node.items() if name not in _SPECIAL}
    mistakes = builder_mistakes(path, located, positional, named)
    if as_partial:
        mistakes.append("must be called directly, without `_partial_`")
    return [f"`{place}._target_={path}` {one}" for one in mistakes]


def _argument_mistakes(target: Target, setting: str, provided: set[str]) -> list[str]:
    located = locate(target.path)
    parameters = _parameters(located)
    signature = inspect.signature(located)
    free = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    names = ", ".join(name for name in parameters if name not in provided) or "none"
    options = [name for name in parameters if name not in provided or name not in _RESERVED]
    unknown = [name for name in target.arguments if name not in options and name[0] != "_"]
    mistakes = [
        f"`{setting}.{name}` is not an argument of `{target.path}`; it takes: {names}"
        for name in unknown
        if not free
    ]
    by_place = [*parameters][: len(target.arguments.get(_POSITIONAL, ()))]
    for name, parameter in parameters.items():
        given = name in target.arguments or name in provided or name in by_place
        if parameter.default is parameter.empty and not given:
            mistakes.append(f"`{setting}.{name}` is missing; `{target.path}` needs it")
    return mistakes


def _built_arguments(path: str, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and keyword arguments of a call, with nested targets built."""
    located = locate(path)
    unasked = fetch_nothing(located) if is_builder(path, located) else {}
    named = {name: _built(v) for name, v in arguments.items() if name not in _SPECIAL}
    return [_built(value) for value in arguments.get(_POSITIONAL, ())], {**unasked, **named}


def _built(value: Any) -> Any:
    """Return validated plain data with each target replaced by the object that it builds."""
    if isinstance(value, list | tuple):
        return [_built(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if _TARGET not in value:
        return {name: _built(inner) for name, inner in value.items()}
    path = value[_TARGET]
    positional, named = _built_arguments(path, value)
    if value.get(_PARTIAL):
        return partial(locate(path), *positional, **named)
    return locate(path)(*positional, **named)


def _is_function(kind: Any) -> bool:
    return Callable in (get_origin(one) for one in (kind, *get_args(kind)))


def _parameters(located: Callable[..., object]) -> dict[str, inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    signature = inspect.signature(located)
    return {name: p for name, p in signature.parameters.items() if p.kind in kinds}
