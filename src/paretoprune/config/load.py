"""Conversion of a composed config into `Settings`, or into one message per mistake."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from paretoprune.config import instantiate
from paretoprune.config.callables import is_listed, is_within, trusted_packages
from paretoprune.config.groups.executor import ExecutorSettings
from paretoprune.config.groups.inner_targets import (
    inner_targets,
    provided_to,
    refused,
    with_inner_targets,
)
from paretoprune.config.groups.model import ModelSettings
from paretoprune.config.groups.task import AUTO
from paretoprune.config.mistakes.unknown_names import suggestion
from paretoprune.config.moved import MOVED
from paretoprune.config.settings import Settings
from paretoprune.config.target import Target
from paretoprune.config.variants import misplaced, without
from paretoprune.errors import SettingsError
from paretoprune.metrics import register

# Arguments supplied by the program when it calls a target; users need not set them. A model's
# class is offered what the task knows of the data.
PROVIDED: Mapping[str, tuple[str, ...]] = {
    "data": ("seed", "pretrained"),
    "task": (),
    "scorer": ("seed",),
    "schedule": (),
    "executor": ("context",),
    "quantization": (),
    "search.strategy": ("context",),
    "search.strategy.sampler": ("seed",),
}
Location = tuple[int | str, ...]  # of a setting, from the top

# By setting: the methods of its variants, the package of ours, and the page about a user's own.
_INTERFACES = {
    "task": (
        "task",
        ("qualities", "inputs", "loss_and_outputs", "meter"),
        "paretoprune.tasks",
        "paretoprune.tasks.interface.Task",
    ),
    "search.strategy": (
        "strategy",
        ("propose", "ending", "needed"),
        "paretoprune.search.strategies",
        "docs/how-to/add-a-strategy.md",
    ),
    "schedule": (
        "schedule",
        ("epochs", "mistake"),
        "paretoprune.trial.schedules",
        "docs/how-to/add-a-schedule.md",
    ),
    "executor": (
        "executor",
        ("submit", "collect", "close"),
        "paretoprune.executors",
        "docs/scale.md",
    ),
    "quantization": (
        "quantizer",
        ("models",),
        "paretoprune.quantization.quantizers",
        "docs/how-to/int8.md",
    ),
}
_TO_BE_GIVEN = "???"  # in the options named `own`
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


def load_settings(config: Mapping[str, Any], *, trust: Sequence[str] = ()) -> Settings:
    """Validate a composed config (plain dicts and lists) and return it as `Settings`.

    `trust` names the user packages that a `_target_` may call. The config's own `trust` entry is
    only a record and grants nothing.

    Raises SettingsError with every mistake, each one sentence in the user's spelling.
    """
    shaped = _with_targets({**config, "trust": trusted_packages(trust)})
    settings, mistakes = None, []
    _import_task(shaped)
    try:
        settings = TypeAdapter(Settings).validate_python(shaped)
    except ValidationError as error:
        details = error.errors()
        mistakes = [one for detail in details for one in _sentences(detail, shaped)]
        if wrong := [detail["loc"] for detail in details if detail["loc"]]:
            mistakes += _that_do_not_fit_together(shaped, wrong)
    mistakes += _target_mistakes(shaped)
    if settings is None or mistakes:
        raise SettingsError(mistakes)
    return settings


def _import_task(config: Mapping[str, Any]) -> None:
    """Register the qualities of the task that objectives may name.

    Its module registers them when it is imported, or its options define them.
    """
    with suppress(Exception):  # what is wrong with it is reported later
        target = TypeAdapter(Target).validate_python(config.get("task", AUTO))
        known = getattr(instantiate.located_by(target), "known_qualities", None)
        for quality in known(**target.arguments) if known else ():
            register(quality)


def _that_do_not_fit_together(config: Mapping[str, Any], wrong: Sequence[Location]) -> list[str]:
    """Return the violated cross-setting rules, with the `wrong` settings left out.

    Pydantic runs cross-field validators only if every single value is valid.
    """
    rest = config
    for location in wrong:
        rest = _without(rest, location)
    try:
        TypeAdapter(Settings).validate_python(rest)
    except ValidationError as error:
        found = [d for d in error.errors() if d["type"] == "value_error"]
    else:
        return []
    sentences = [one for detail in found for one in _sentences(detail)]
    return [one for one in sentences if not any(_is_about(one, place) for place in wrong)]


def _without(config: Mapping[str, Any], location: Location) -> Mapping[str, Any]:
    first, *deeper = location
    inner = config.get(str(first))
    if deeper and isinstance(inner, Mapping) and deeper[0] in inner:
        return {**config, str(first): _without(inner, tuple(deeper))}
    return {key: value for key, value in config.items() if key != first}


def _is_about(sentence: str, location: Location) -> bool:
    """Return True if the sentence names the setting or its parent (also as `schedule=...`)."""
    path = ".".join(map(str, location))
    holder = path.rpartition(".")[0]
    names = [path, f"{path.removesuffix('.name')}=", holder if "." in holder else path]
    return any(f"`{name}" in sentence for name in names)


def _with_targets(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with each `_target_` mapping converted to the form of `config.Target`."""
    out = dict(config)
    if isinstance(out.get("model"), Mapping):
        out["model"] = split_model(out["model"], out["trust"])
    if isinstance(out.get("executor"), Mapping):
        out["executor"] = _split(out["executor"], ExecutorSettings, out["trust"])
    for name in ("data", "task", "scorer", "schedule"):
        if name in out:
            out[name] = _as_target(out[name], out["trust"])
    if isinstance(out.get("search"), Mapping) and "strategy" in out["search"]:
        strategy = _as_target(out["search"]["strategy"], out["trust"])
        out["search"] = {**out["search"], "strategy": strategy}
    # the value that Hydra composes for an empty file, such as conf/search/none.yaml
    elif out.get("search") == {}:
        out["search"] = None
    if out.get("quantization"):
        out["quantization"] = _as_target(out["quantization"], out["trust"])
    elif "quantization" in out:
        out["quantization"] = None
    return with_inner_targets(out, lambda node: _as_target(node, out["trust"]))


def split_model(node: Mapping[str, Any], trust: Sequence[str]) -> dict[str, Any]:
    """Split a `model` mapping into the arguments of its `_target_` and the keys of
    ModelSettings."""
    return _split(node, ModelSettings, trust)


def _split(node: Mapping[str, Any], owner: type, trust: Sequence[str]) -> dict[str, Any]:
    ours = _own_settings(owner)
    target = _as_target({key: value for key, value in node.items() if key not in ours}, trust)
    return {"target": target, **{key: value for key, value in node.items() if key in ours}}


def _own_settings(owner: Any) -> list[str]:
    """Return the settings of a group that stand beside its `_target_` and are not its arguments."""
    return [field.name for field in dataclasses.fields(owner) if field.name != "target"]


def _as_target(node: object, trust: Sequence[str]) -> object:
    if not isinstance(node, Mapping):
        return node
    arguments = {key: value for key, value in node.items() if key != "_target_"}
    target = {"arguments": arguments, "trust": trust}
    if node.get("_target_", _TO_BE_GIVEN) == _TO_BE_GIVEN:
        return target
    path = node["_target_"]
    return {**target, "path": MOVED.get(path, path) if isinstance(path, str) else path}


def _sentences(detail: ErrorDetails, config: Mapping[str, Any] | None = None) -> list[str]:
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
    names = instantiate.argument_names(target, provided=PROVIDED["search.strategy"])
    return [f"strategy.{name}" for name in names]


def _target_mistakes(config: Mapping[str, Any]) -> list[str]:
    model, search, executor = (config.get(name) or {} for name in ("model", "search", "executor"))
    named = {
        "task": config.get("task", AUTO),
        "model": model.get("target"),
        "data": config.get("data"),
        "scorer": config.get("scorer"),
        "schedule": config.get("schedule"),
        "executor": executor.get("target"),
        "quantization": config.get("quantization"),
        "search.strategy": search.get("strategy"),
        **inner_targets(config),
    }
    mistakes, checked = [], []
    provided = {**PROVIDED, "model": instantiate.offered_by(AUTO)}
    provided |= {setting: provided_to(setting) for setting in inner_targets(config)}
    for setting, node in named.items():
        try:
            target = TypeAdapter(Target).validate_python(node)
        except ValidationError:
            continue  # values that are not targets are reported by the type validation
        checked.append(target)
        if reason := refused(target, setting):
            mistakes.append(reason)
            continue
        mistakes += _mistakes_of(target, setting, provided) or _not_of_its_kind(target, setting)
        if setting == "task" and not mistakes:
            provided["model"] = instantiate.offered_by(target)
    return mistakes + instantiate.trust_advice(checked)


def _mistakes_of(target: Target, setting: str, provided: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with a target, and with those of its arguments that are built later."""
    given = provided.get(setting, ())
    common = _own_settings(ExecutorSettings) if setting == "executor" else []
    wrong = misplaced(setting, target, common=common, provided=given)
    rest = without(target, wrong)
    found = instantiate.find_mistakes(rest, setting=setting, provided=given)
    if wrong or found:
        return [*wrong.values(), *found]
    mistakes = _type_mistakes(target, setting)
    for name in instantiate.target_arguments(target):
        place, inner = f"{setting}.{name}", target.inner(name)
        if inner is None:
            given = target.arguments[name]
            mistakes.append(f"`{place}` must name a class by `_target_`, got {given!r}")
        else:
            mistakes += _mistakes_of(inner, place, provided)
    return mistakes


def _not_of_its_kind(target: Target, setting: str) -> list[str]:
    """Return a sentence for a target that is no task, strategy, schedule, executor or
    quantizer where one is needed."""
    if setting not in _INTERFACES or target == AUTO:
        return []
    kind, methods, ours, page = _INTERFACES[setting]
    missing = [name for name in methods if not instantiate.offers(target, name)]
    foreign = is_listed(target.path) and not is_within(target.path, [ours])
    if not (missing or foreign):
        return []
    return [
        f"`{setting}._target_={target.path}` is no {kind}, which has the "
        f"method{'s' if len(methods) > 1 else ''} {', '.join(methods)}; see {page}"
    ]


def _type_mistakes(target: Target, setting: str) -> list[str]:
    """Return a sentence for each argument of a paretoprune target whose type is wrong."""
    mistakes = []
    functions = instantiate.function_arguments(target)
    for name, expected in instantiate.argument_types(target).items():
        if name not in target.arguments or name in functions or expected is Target:
            continue
        try:
            TypeAdapter(expected).validate_python(target.arguments[name])
        except ValidationError as error:
            detail = error.errors()[0]
            detail["loc"] = (*setting.split("."), name)
            mistakes += _sentences(detail)
    return mistakes
