"""Model builders of torchvision and timm, and the arguments that must not be passed to them."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

# Builders that take the name of a registered model: path -> argument with the name.
_BY_NAME = {"torchvision.models.get_model": "name", "timm.create_model": "model_name"}
# Arguments that make a builder download or open a file.
_FETCHES = re.compile(r"(^|_)(weights|pretrained|checkpoint|ckpt|url|hub|cache)(_|$)")
_HARMLESS = ("init_weights",)
_TIMM_NAME = re.compile(r"(\w+)(\.\w+)?")


def is_builder(path: str, located: object) -> bool:
    """Return True if `located`, found at `path`, is a library function that builds a model."""
    if path in _BY_NAME:
        return True
    if not path.startswith("torchvision.models.") or not inspect.isfunction(located):
        return False
    models = importlib.import_module("torchvision.models")
    return any(models.get_model_builder(name) is located for name in models.list_models())


def builder_mistakes(
    path: str, located: Callable[..., Any], positional: Sequence[Any], named: Mapping[str, Any]
) -> list[str]:
    """Return the arguments that are not allowed, each as a sentence without its subject."""
    try:
        arguments = inspect.signature(located).bind_partial(*positional, **named).arguments
    except TypeError as error:
        return [f"cannot be called so: {error}"]
    mistakes = [
        f"must not be given `{name}`: it would download or open a file; name a file of weights in "
        "`model.weights`"
        for name, value in _all_named(arguments)
        if _fetches(name) and value not in (None, False)
    ]
    if path in _BY_NAME:
        name = arguments.get(_BY_NAME[path])
        if not _is_registered(path, name):
            mistakes.append(
                f"needs `{_BY_NAME[path]}`, the name of one of its models, got {name!r}"
            )
    return mistakes


def fetch_nothing(located: Callable[..., Any]) -> dict[str, None]:
    """Return the arguments whose defaults would trigger a download, each set to None."""
    parameters = inspect.signature(located).parameters.values()
    empty = (None, False, inspect.Parameter.empty)
    return {p.name: None for p in parameters if _fetches(p.name) and p.default not in empty}


def is_torchvision_name(name: str) -> bool:
    """Return True if `name` is a classifier of torchvision."""
    return _is_registered("torchvision.models.get_model", name)


def _is_registered(path: str, name: object) -> bool:
    """Return True for a registered model name.

    For torchvision, classifiers only: other models download backbone weights by default.
    """
    if path.startswith("timm."):
        parts = _TIMM_NAME.fullmatch(str(name))
        return parts is not None and parts[1] in importlib.import_module("timm").list_models()
    models = importlib.import_module("torchvision.models")
    return name in models.list_models(module=models)


def _all_named(value: object) -> Iterator[tuple[str, Any]]:
    """Yield every named value at any nesting depth."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name), inner
            yield from _all_named(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _all_named(inner)


def _fetches(name: str) -> bool:
    return _FETCHES.search(name) is not None and name not in _HARMLESS
