"""Mistakes found by pydantic, each as a sentence in the user's spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from paretoprune.config.groups.inner_targets import example_of
from paretoprune.config.mistakes.provided import PROVIDED
from paretoprune.config.mistakes.unknown_names import suggestion
from paretoprune.config.name_patterns import closest
from paretoprune.config.parsing import parse_share
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import argument_names

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_OWN = {  # by setting: a class of a user's, and the package that must be trusted
    "model": ("my_net", "MyNet"),
    "data": ("my_data", "MyData"),
    "task": ("my_tasks", "Mine"),
    "scorer": ("my_scorers", "Mine"),
    "schedule": ("my_schedules", "Mine"),
    "granularity": ("my_granularities", "Mine"),
    "allocation": ("my_allocations", "Mine"),
    "compensation": ("my_compensations", "Mine"),
    "sparse_training": ("my_penalties", "Mine"),
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
for _place, _one in (("quantization", "mixed"), ("sparse_training", "l1")):
    _HINTS[f"{_place}._target_"] += f"; `{_place}={_one}`, for example, names one of ours"
_EXPECTED = {  # by the kinds of types in pydantic's names of mistakes
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
}
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")


def sentences_of(detail: ErrorDetails, config: Mapping[str, Any] | None = None) -> list[str]:
    """Return the mistake as sentences; `config` helps to suggest names of settings."""
    path = ".".join(str(part) for part in detail["loc"])
    # raised by our validators: one sentence per line, without the setting's name
    if detail["type"] == "value_error":
        sentences = detail["msg"].removeprefix("Value error, ").splitlines()
        return [_of_setting(path, one) for one in sentences]
    path = path.replace(".target.path", "._target_").replace("target.", "")
    if path.endswith(".path") and detail["type"] in _MISSING:
        path = path.removesuffix(".path") + "._target_"
    if detail["type"] in _UNKNOWN:
        options = _strategy_options((config or {}).get("search"))
        return [f"`{path}` is not a setting{suggestion(detail['loc'], options, detail['input'])}"]
    if detail["type"] in _MISSING:
        return [f"`{path}` is missing{_HINTS.get(path, '')}"]
    return [f"`{path}` {_expected(detail, path)}, got {detail['input']!r}{_advice(detail, path)}"]


def _of_setting(path: str, sentence: str) -> str:
    """Return a validator's sentence with the name of the setting, unless it has it already."""
    if sentence.startswith("must "):
        return f"`{path}` {sentence}"
    return f"`{path}`: {sentence}" if "." in path else sentence


def _expected(detail: ErrorDetails, path: str) -> str:
    """Return "must be ...", in plain words."""
    kind = detail["type"].partition("_")[0]
    if kind in _EXPECTED and detail["type"].endswith(("_parsing", "_type", "_from_float")):
        return f"must be {_EXPECTED[kind]}"
    if detail["type"] in ("dict_type", "mapping_type"):
        return _of_names(path, detail["input"])
    if detail["type"] == "dataclass_type" and detail["ctx"]["class_name"] == "Target":
        return f"must name a class, as `{path}._target_={example_of(path)}` does"
    if detail["type"] == "list_type" or detail.get("ctx", {}).get("class") == "Sequence":
        return f"must be a list, such as `{path}=[{detail['input']}]`"
    return detail["msg"].replace("Input should be", "must be")


def _of_names(path: str, given: object) -> str:
    """Return the sentence about one value in place of values by name."""
    name, separator, value = str(given).partition(":")
    if separator and name and value:
        return f"must hold values by name; write `{path}={{{name.strip()}: {value.strip()}}}`"
    return f"must hold values by name, such as `+{path}.NAME=VALUE`"


def _advice(detail: ErrorDetails, path: str) -> str:
    """Return what to write instead, where it is evident from the value."""
    given, context = detail["input"], detail.get("ctx", {})
    if detail["type"].startswith("float_") and isinstance(given, str):
        with suppress(ValueError):
            return f"; write `{path}={parse_share(given)}`"
    is_share = detail["type"].startswith("less_than") and 1 in (
        context.get("lt"),
        context.get("le"),
    )
    if is_share and isinstance(given, int | float) and 2 <= given < 100:
        return f"; {given:g} percent is `{path}={given / 100:g}`"
    if detail["type"] == "literal_error" and isinstance(given, str):
        options = re.findall(r"'(\w+)'", str(context.get("expected")))
        longer = next((one for one in options if given.startswith(one)), None)
        close = closest(given, options) or longer
        return f"; did you mean `{path}={close}`?" if close else ""
    return ""


def _strategy_options(search: object) -> list[str]:
    """`strategy.NAME` of each option of the strategy of a search, if it may be called."""
    try:
        strategy = search.get("strategy") if isinstance(search, Mapping) else None
        target = TypeAdapter(Target).validate_python(strategy)
    except ValidationError:
        return []
    names = argument_names(target, provided=PROVIDED["search.strategy"])
    return [f"strategy.{name}" for name in names]
