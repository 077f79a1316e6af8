"""Functions of torchvision and timm that build a model, and what must not be asked of them."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

# Those that take the name of a registered model, by their path: the argument that holds it.
_BY_NAME = {"torchvision.models.get_model": "name", "timm.create_model": "model_name"}
# Arguments that have a builder download or open a file.
_FETCHES = re.compile(r"(^|_)(weights|pretrained|checkpoint|ckpt|url|hub|cache)(_|$)")
_HARMLESS = ("init_weights",)
_TIMM_NAME = re.compile(r"(\w+)(\.\w+)?")


def is_builder(path: str, located: object) -> bool:
    """Whether `located`, found at `path`, is a function by which a library builds its models."""
    if path in _BY_NAME:
        return True
    if not path.startswith("torchvision.models.") or not inspect.isfunction(located):
        return False
    models = importlib.import_module("torchvision.models")
    return any(models.get_model_builder(name) is located for name in models.list_models())


def builder_mistakes(
    path: str, located: Callable[..., Any], positional: Sequence[Any], named: Mapping[str, Any]
) -> list[str]:
    """What must not be asked of a builder, each as a sentence without its beginning."""
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
    """The arguments by which a builder, left alone, would download; None for each of them."""
    parameters = inspect.signature(located).parameters.values()
    empty = (None, False, inspect.Parameter.empty)
    return {p.name: None for p in parameters if _fetches(p.name) and p.default not in empty}


def _is_registered(path: str, name: object) -> bool:
    """Of torchvision only classifiers are: the others fetch weights unless told otherwise."""
    if path.startswith("timm."):
        parts = _TIMM_NAME.fullmatch(str(name))
        return parts is not None and parts[1] in importlib.import_module("timm").list_models()
    models = importlib.import_module("torchvision.models")
    return name in models.list_models(module=models)


def _all_named(value: object) -> Iterator[tuple[str, Any]]:
    """Every value that has a name, however deep."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name), inner
            yield from _all_named(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _all_named(inner)


def _fetches(name: str) -> bool:
    return _FETCHES.search(name) is not None and name not in _HARMLESS
