"""Mistakes in the targets of a config: what may not be called, or is of another kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from paretoprune.config.callables import is_listed, is_within
from paretoprune.config.groups.allocation import UNIFORM
from paretoprune.config.groups.compensation import AUTO as AUTO_COMPENSATION
from paretoprune.config.groups.executor import ExecutorSettings
from paretoprune.config.groups.granularity import CHANNELS
from paretoprune.config.groups.inner_targets import inner_targets, provided_to, refused
from paretoprune.config.groups.task import AUTO
from paretoprune.config.mistakes.provided import PROVIDED
from paretoprune.config.mistakes.sentences import sentences_of
from paretoprune.config.target import Target
from paretoprune.config.targets.arguments import find_mistakes
from paretoprune.config.targets.form import own_settings
from paretoprune.config.targets.signatures import (
    argument_types,
    function_arguments,
    offered_by,
    offers,
    target_arguments,
)
from paretoprune.config.targets.trust import trust_advice
from paretoprune.config.values import finite
from paretoprune.config.variants import misplaced, without

# By setting: what stands beside the arguments of all its variants.
_COMMON = {"executor": own_settings(ExecutorSettings), "model": ["weights", "published_accuracy"]}
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
    "granularity": (
        "granularity",
        ("find",),
        "paretoprune.pruning.granularities",
        "docs/how-to/add-a-granularity.md",
    ),
    "allocation": (
        "allocation",
        ("path", "of_size"),
        "paretoprune.search.allocation.methods",
        "docs/how-to/add-an-allocation.md",
    ),
    "compensation": (
        "compensation",
        ("update",),
        "paretoprune.pruning.compensation.methods",
        "docs/how-to/add-a-compensation.md",
    ),
    "sparse_training": (
        "sparse training",
        ("penalty", "penalty_on"),
        "paretoprune.pruning.sparse_training",
        "docs/how-to/add-a-sparse-training.md",
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
        "docs/how-to/add-a-quantizer.md",
    ),
}


def target_mistakes(config: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each target that must not be called or is of another kind."""
    model, search, executor = (_group(config, name) for name in ("model", "search", "executor"))
    named = {
        "task": config.get("task", AUTO),
        "model": model.get("target"),
        "data": config.get("data"),
        "scorer": config.get("scorer"),
        "schedule": config.get("schedule"),
        "granularity": config.get("granularity", CHANNELS),
        "allocation": config.get("allocation", UNIFORM),
        "compensation": config.get("compensation", AUTO_COMPENSATION),
        "sparse_training": config.get("sparse_training"),
        "executor": executor.get("target"),
        "quantization": config.get("quantization"),
        "search.strategy": search.get("strategy"),
        **inner_targets(config),
    }
    mistakes, checked = [], []
    provided = {**PROVIDED, "model": offered_by(AUTO)}
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
            provided["model"] = offered_by(target)
    return mistakes + trust_advice(checked)


def _group(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the settings of a group; none for a value that is none, which is another mistake."""
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}


def _mistakes_of(target: Target, setting: str, provided: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the mistakes of a target, and of those of its arguments that are built later."""
    given = provided.get(setting, ())
    common = _COMMON.get(setting, ())
    wrong = misplaced(setting, target, common=common, provided=given)
    rest = without(target, wrong)
    found = find_mistakes(rest, setting=setting, provided=given)
    if wrong or found:
        return [*wrong.values(), *found]
    mistakes = _type_mistakes(target, setting)
    for name in target_arguments(target):
        place, inner = f"{setting}.{name}", target.inner(name)
        if inner is None:
            given = target.arguments[name]
            mistakes.append(f"`{place}` must name a class by `_target_`, got {given!r}")
        else:
            mistakes += _mistakes_of(inner, place, provided)
    return mistakes


def _not_of_its_kind(target: Target, setting: str) -> list[str]:
    """Return a sentence for a target that is of another kind than its setting needs."""
    if setting not in _INTERFACES or target in (AUTO, AUTO_COMPENSATION):
        return []
    kind, methods, ours, page = _INTERFACES[setting]
    missing = [name for name in methods if not offers(target, name)]
    foreign = is_listed(target.path) and not is_within(target.path, [ours])
    if not (missing or foreign):
        return []
    return [
        f"`{setting}._target_={target.path}` is no {kind}, which has the "
        f"method{'s' if len(methods) > 1 else ''} {', '.join(methods)}; see {page}"
    ]


def _adapter(expected: Any) -> TypeAdapter[Any]:
    """Return the validator of an argument, which refuses infinite numbers."""
    try:
        return TypeAdapter(expected, config=finite)
    except PydanticUserError:  # a dataclass has a config of its own
        return TypeAdapter(expected)


def _type_mistakes(target: Target, setting: str) -> list[str]:
    """Return a sentence for each argument of a paretoprune target whose type is wrong."""
    mistakes = []
    functions = function_arguments(target)
    for name, expected in argument_types(target).items():
        if name not in target.arguments or name in functions or expected is Target:
            continue
        try:
            _adapter(expected).validate_python(target.arguments[name])
        except ValidationError as error:
            detail = error.errors()[0]
            detail["loc"] = (*setting.split("."), name)
            mistakes += sentences_of(detail)
    return mistakes
