"""Mistakes found by pydantic, each as a sentence in the user's spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from paretoprune.config.mistakes.provided import PROVIDED
from paretoprune.config.mistakes.unknown_names import suggestion
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import argument_names

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_OWN = {  # by setting: a class of a user's, and the package that must be trusted
    "model": ("my_net", "MyNet"),
    "data": ("my_data", "MyData"),
    "task": ("my_tasks", "Mine"),
    "scorer": ("my_scorers", "Mine"),
    "schedule": ("my_schedules", "Mine"),
    "executor": ("my_executors", "Mine"),
    "search.strategy": ("my_strategies", "Mine"),
    "quantization": ("my_quantizers", "Mine"),
}
_HINTS = {
    "search.strategy": "; `search=auto`, for example, is a whole search",
    **{
        f"{place}._target_": f"; `{place}._target_={package}.{name} trust=[{package}]` names a "
        "class of yours"
        for place, (package, name) in _OWN.items()
    },
}
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")


def sentences_of(detail: ErrorDetails, config: Mapping[str, Any] | None = None) -> list[str]:
    """Return the mistake as sentences; `config` helps to suggest names of settings."""
    path = ".".join(str(part) for part in detail["loc"])
    # raised by our validators: one sentence per line, without the setting's name
    if detail["type"] == "value_error":
        sentences = detail["msg"].removeprefix("Value error, ").splitlines()
        return [f"`{path}`: {one}" for one in sentences] if "." in path else sentences
    path = path.replace(".target.path", "._target_").replace("target.", "")
    path = path.replace(".path", "._target_") if path.endswith(".path") else path
    if detail["type"] in _UNKNOWN:
        options = _strategy_options((config or {}).get("search"))
        return [f"`{path}` is not a setting{suggestion(detail['loc'], options)}"]
    if detail["type"] in _MISSING:
        return [f"`{path}` is missing{_HINTS.get(path, '')}"]
    message = detail["msg"].replace("Input should be", "must be")
    return [f"`{path}` {message}, got {detail['input']!r}"]


def _strategy_options(search: object) -> list[str]:
    """`strategy.NAME` of each option of the strategy of a search, if it may be called."""
    try:
        strategy = search.get("strategy") if isinstance(search, Mapping) else None
        target = TypeAdapter(Target).validate_python(strategy)
    except ValidationError:
        return []
    names = argument_names(target, provided=PROVIDED["search.strategy"])
    return [f"strategy.{name}" for name in names]
