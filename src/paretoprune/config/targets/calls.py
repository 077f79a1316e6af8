"""Reasons why a target must not be called: values that are no plain data, calls not allowed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from paretoprune.config.callables import (
    can_be_trusted,
    is_listed,
    is_within,
    locate,
    refusal,
    trusted_packages,
)
from paretoprune.config.model_builders import builder_mistakes, is_builder
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import function_arguments

TARGET, POSITIONAL, PARTIAL = "_target_", "_args_", "_partial_"
SPECIAL = (TARGET, POSITIONAL, PARTIAL)
MOST_VALUES = 10_000  # per target, nested values included: protects against self-referencing files
# By setting: the listed packages from which its target may come. A logger in the place of a model
# would write a data base, or connect to a server, before it is found to be no model.
_HOMES = {
    "model": ("paretoprune.models", "timm", "torch.nn", "torchvision.models"),
    "data": ("paretoprune.data",),
    "scorer": ("paretoprune.pruning",),
}
_CONNECTING = ("lightning.pytorch.loggers", "paretoprune.executors")  # when they are built
_PLAIN = (str, bool, int, float, type(None))


def forbidden(target: Target, setting: str) -> list[str]:
    """Return a sentence for each value that is neither plain data nor an allowed call."""
    trust = trusted_packages(target.trusted)
    nodes = _nodes_of(target, setting)
    if len(nodes) > MOST_VALUES:
        return [f"`{setting}` holds more than {MOST_VALUES:,} values, or holds itself"]
    mistakes = [one for place, value in nodes for one in _node_mistakes(value, place, trust)]
    mistakes += [
        f"`{place}._target_={value[TARGET]}` {reason}"
        for place, value in nodes
        if isinstance(value, dict) and (reason := _misplaced(value.get(TARGET), place, setting))
    ]
    return mistakes or _function_mistakes(target, setting, trust)


def _misplaced(path: object, place: str, setting: str) -> str | None:
    """Return the reason why a listed target must not be built here, if there is one."""
    if not isinstance(path, str) or not is_listed(path):
        return None
    if place == setting:
        homes = _HOMES.get(setting)
        if homes is None or is_within(path, homes):
            return None
        return f"is no {setting}, which comes from {' or '.join(homes)}, or from your own packages"
    if is_within(path, _CONNECTING):
        return "may only be named in the settings `tracking.loggers` and `executor`"
    if setting == "model" and is_within(path, _HOMES["data"]):
        return "reads data, which no model is built from"
    return None


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
    root = {**target.arguments, TARGET: target.path}
    return list(islice(nodes_in(root, setting), MOST_VALUES + 1))


def nodes_in(value: Any, place: str) -> Iterator[tuple[str, Any]]:
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
        return _call_mistakes(value, place, trust) if TARGET in value else []
    if isinstance(value, str) and "${" in value:
        return [f"`{place}={value}` must be a value, not a reference that is still to be resolved"]
    if isinstance(value, (*_PLAIN, list, tuple)):
        return []
    return [f"`{place}` must be a number, text, list or mapping, got {type(value).__name__}"]


def _call_mistakes(node: Mapping[str, Any], place: str, trust: Sequence[str]) -> list[str]:
    """Return the reasons why the call described by a mapping with a `_target_` is not allowed."""
    path = node[TARGET]
    if not isinstance(path, str):
        return [f"`{place}._target_` must be a dotted name, got {path!r}"]
    if reason := refusal(path, trust):
        return [f"`{place}._target_={path}` {reason}"]
    unknown = [name for name in node if name.startswith("_") and name not in SPECIAL]
    if unknown:
        return [f"`{place}.{unknown[0]}` is not an argument; special keys: _args_, _partial_"]
    positional, as_partial = node.get(POSITIONAL, []), node.get(PARTIAL, False)
    if not isinstance(positional, list | tuple) or not isinstance(as_partial, bool):
        return [f"`{place}`: `_args_` must be a list, `_partial_` true or false"]
    located = locate(path)
    if not is_builder(path, located):
        return []
    named = {name: value for name, value in node.items() if name not in SPECIAL}
    mistakes = builder_mistakes(path, located, positional, named)
    if as_partial:
        mistakes.append("must be called directly, without `_partial_`")
    return [f"`{place}._target_={path}` {one}" for one in mistakes]
