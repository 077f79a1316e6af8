"""`_target_`: the user's and our own classes by dotted path, checked and built. The only such gate.

A config is code once it names what to call, so what may be called is listed (`config/callables.py`)
and all else is refused, wherever it hides. What is checked is what is built: plain data, in which
nothing is left to be resolved.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, get_type_hints

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

_TARGET, _POSITIONAL, _PARTIAL = "_target_", "_args_", "_partial_"
_RESERVED = ("context",)  # only the program can provide it
_SPECIAL = (_TARGET, _POSITIONAL, _PARTIAL)
_MOST_VALUES = 10_000  # of a target, nested ones included: a file may repeat itself without end
_PLAIN = (str, bool, int, float, type(None))


def build(target: Target, **provided: object) -> Any:
    """Call `target` with its arguments and those of `provided` that it accepts by name."""
    return factory(target)(**provided)


def factory(target: Target) -> Callable[..., Any]:
    """What `build` calls, to be called often: arguments that are targets are built once.

    Raises SettingsError for a target that must not be called.
    """
    if mistakes := _forbidden(target, "target"):
        raise SettingsError(mistakes)
    located = locate(target.path)
    accepted = _parameters(located)
    unbuilt = {name: target.inner(name) for name in target_arguments(target)}
    rest = {name: value for name, value in target.arguments.items() if name not in unbuilt}
    positional, named = _built_arguments(target.path, rest)

    def build_one(**provided: object) -> Any:
        extra = {name: value for name, value in provided.items() if name in accepted}
        return located(*positional, **{**extra, **named, **unbuilt})

    return build_one


def has_trait(target: Target, name: str) -> bool:
    """True if the class or function that `target` names lists `name` in its `traits`."""
    if refusal(target.path, trusted_packages(target.trusted)):
        return False  # nothing is imported that may not be called
    return name in getattr(locate(target.path), "traits", ())


def offers(target: Target, name: str) -> bool:
    """Whether what `target` builds has such a method; a function's results are not known."""
    located = locate(target.path)
    return not inspect.isclass(located) or hasattr(located, name)


def argument_types(target: Target) -> dict[str, Any]:
    """The annotations of what a target of our own takes; those of others need not be true."""
    located = locate(target.path)
    if not is_within(str(located.__module__), ["paretoprune"]):
        return {}
    called = located.__init__ if inspect.isclass(located) else located
    return get_type_hints(called, include_extras=True)


def target_arguments(target: Target) -> list[str]:
    """The arguments that the callee takes as a `Target`, to build them itself."""
    types = argument_types(target)
    return [name for name in target.arguments if types.get(name) is Target]


def argument_names(target: Target, *, provided: Iterable[str] = ()) -> list[str]:
    """The arguments that a user may give to a target; none if it must not be called."""
    if refusal(target.path, trusted_packages(target.trusted)):
        return []
    return [name for name in _parameters(locate(target.path)) if name not in provided]


def argument_defaults(path: str) -> dict[str, Any]:
    """By name, what the target at a dotted path takes where a config does not say it."""
    parameters = _parameters(locate(path))
    return {n: p.default for n, p in parameters.items() if p.default is not p.empty}


def find_mistakes(target: Target, *, setting: str, provided: Iterable[str] = ()) -> list[str]:
    """One sentence for each thing that would keep `build(target, **provided)` from working."""
    return _forbidden(target, setting) or _argument_mistakes(target, setting, set(provided))


def own_packages(value: Any, trust: Iterable[str] = ()) -> list[str]:
    """The packages of the user's own that the targets in plain data name, and `trust` lacks."""
    nodes = islice(_nodes(value, ""), _MOST_VALUES)
    paths = [node.get(_TARGET) for _, node in nodes if isinstance(node, dict)]
    own = {path for path in paths if isinstance(path, str) and can_be_trusted(path)}
    trust = [*trust]
    return sorted({p.split(".")[0] for p in own if not is_listed(p) and not is_within(p, trust)})


def trust_advice(targets: Iterable[Target]) -> list[str]:
    """What to add so that the packages of the user's own may be called; nothing if they may."""
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
    """What is neither plain data nor may be called."""
    trust = trusted_packages(target.trusted)
    nodes = _nodes_of(target, setting)
    if len(nodes) > _MOST_VALUES:
        return [f"`{setting}` holds more than {_MOST_VALUES:,} values, or holds itself"]
    return [sentence for place, value in nodes for sentence in _node_mistakes(value, place, trust)]


def _nodes_of(target: Target, setting: str) -> list[tuple[str, Any]]:
    """The target as a mapping and every value in it; one more than is allowed where that ends."""
    root = {**target.arguments, _TARGET: target.path}
    return list(islice(_nodes(root, setting), _MOST_VALUES + 1))


def _nodes(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The value and every value in it, with the setting it stands in."""
    waiting = deque([(place, value)])  # no recursion: a file may nest as deeply as it likes
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
    """Why what a mapping with a `_target_` asks for must not be called."""
    path = node[_TARGET]
    if not isinstance(path, str):
        return [f"`{place}._target_` must be a dotted name, got {path!r}"]
    if reason := refusal(path, trust):
        return [f"`{place}._target_={path}` {reason}"]
    unknown = [name for name in node if name.startswith("_") and name not in _SPECIAL]
    if unknown:
        return [f"`{place}.{unknown[0]}` is no argument; beside names there are _args_, _partial_"]
    positional, as_partial = node.get(_POSITIONAL, []), node.get(_PARTIAL, False)
    if not isinstance(positional, list | tuple) or not isinstance(as_partial, bool):
        return [f"`{place}`: `_args_` must be a list, `_partial_` true or false"]
    located = locate(path)
    if not is_builder(path, located):
        return []
    named = {name: value for name, value in node.items() if name not in _SPECIAL}
    mistakes = builder_mistakes(path, located, positional, named)
    if as_partial:
        mistakes.append("must be called here and now, without `_partial_`")
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
    """The arguments of a call by place and by name, with the targets in them built."""
    located = locate(path)
    unasked = fetch_nothing(located) if is_builder(path, located) else {}
    named = {name: _built(v) for name, v in arguments.items() if name not in _SPECIAL}
    return [_built(value) for value in arguments.get(_POSITIONAL, ())], {**unasked, **named}


def _built(value: Any) -> Any:
    """Checked plain data, with what it says is to be called in the place of each target."""
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


def _parameters(located: Callable[..., object]) -> dict[str, inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    signature = inspect.signature(located)
    return {name: p for name, p in signature.parameters.items() if p.kind in kinds}
