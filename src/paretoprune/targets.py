"""`_target_`: the user's and our own classes by dotted path, checked before anything is built.

A config is code once it names what to call, so only trusted packages may be named: ours, the model
builders and samplers below, and what the setting `trust` adds. What is called must also be defined
in one of them: `torch.nn.modules.module.torch.load` begins well and ends elsewhere.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

from hydra.utils import instantiate

from paretoprune.config import Target

TRUSTED = (
    "paretoprune.models",
    "paretoprune.data",
    "paretoprune.pruning",
    "torch.nn",
    "torchvision.models",
    "optuna.samplers",
    "timm.create_model",
)
# Where a trusted name may turn out to be defined, beside the trusted packages themselves.
_HOMES = ("timm",)
# Never somebody's own package, and full of functions that run code or open files: `trust` in a
# config from elsewhere cannot let them in.
_NEVER = sys.stdlib_module_names | {
    "cloudpickle", "dill", "hydra", "joblib", "lightning", "mlflow", "numpy", "omegaconf",
    "optuna", "pandas", "paretoprune", "ray", "sklearn", "submitit", "torch", "torchvision", "yaml",
}  # fmt: skip


def build(target: Target, **provided: object) -> Any:
    """Call `target` with its arguments and those of `provided` that it accepts by name."""
    return factory(target)(**provided)


def factory(target: Target) -> Callable[..., Any]:
    """What `build` calls, to be called often: arguments that are targets are built once."""
    accepted = _parameters(_locate(target.path))
    # Checked and resolved by Hydra here, which takes milliseconds.
    make = instantiate(
        {"_target_": target.path, **target.arguments, "_partial_": True}, _convert_="all"
    )

    def build_one(**provided: object) -> Any:
        extra = {name: value for name, value in provided.items() if name in accepted}
        return make(**{name: v for name, v in extra.items() if name not in target.arguments})

    return build_one


def offers(target: Target, name: str) -> bool:
    """Whether what `target` builds has such a method; a function's results are not known."""
    located = _locate(target.path)
    return not inspect.isclass(located) or hasattr(located, name)


def argument_types(target: Target) -> dict[str, Any]:
    """The annotations of what a target of our own takes; those of others need not be true."""
    located = _locate(target.path)
    if not _is_within(str(located.__module__), ["paretoprune"]):
        return {}
    called = located.__init__ if inspect.isclass(located) else located
    return get_type_hints(called, include_extras=True)


def argument_defaults(path: str) -> dict[str, Any]:
    """By name, what the target at a dotted path takes where a config does not say it."""
    parameters = _parameters(_locate(path))
    return {n: p.default for n, p in parameters.items() if p.default is not p.empty}


def find_mistakes(
    target: Target, *, setting: str, trust: Iterable[str], provided: Iterable[str] = ()
) -> list[str]:
    """One sentence for each thing that would keep `build(target, **provided)` from working."""
    mistakes = [
        sentence
        for place, path in _paths(target, setting)
        for sentence in _path_mistakes(path, place, tuple(trust))
    ]
    return mistakes or _argument_mistakes(target, setting, set(provided))


def _paths(target: Target, setting: str) -> list[tuple[str, str]]:
    """Every `_target_` in a target and its nested arguments, with the setting it stands in."""
    found = [(f"{setting}._target_", target.path)]

    def look(value: object, place: str) -> None:
        if isinstance(value, Mapping):
            if "_target_" in value:
                found.append((f"{place}._target_", str(value["_target_"])))
            for key, inner in value.items():
                look(inner, f"{place}.{key}")
        elif isinstance(value, list | tuple):
            for index, inner in enumerate(value):
                look(inner, f"{place}[{index}]")

    look(target.arguments, setting)
    return found


def _path_mistakes(path: str, place: str, trust: tuple[str, ...]) -> list[str]:
    trusted = (*TRUSTED, *(name for name in trust if name.split(".")[0] not in _NEVER))
    package = path.split(".")[0]
    if not _is_within(path, trusted):
        advice = f"; if the code is yours, add `trust=[{package}]`"
        return [
            f"`{place}={path}` is outside the trusted packages"
            + ("" if package in _NEVER else advice)
        ]
    try:
        located = _locate(path)
    except (ImportError, AttributeError) as error:
        return [f"`{place}={path}` cannot be imported: {error}"]
    if not (inspect.isclass(located) or inspect.isroutine(located)):
        return [f"`{place}={path}` is not a class or function"]
    home = str(getattr(located, "__module__", None))
    if not _is_within(home, (*trusted, *_HOMES)) or "__" in path:
        return [f"`{place}={path}` leads to `{home}`, which is outside the trusted packages"]
    return []


def _is_within(path: str, packages: Iterable[str]) -> bool:
    return any(path == package or path.startswith(f"{package}.") for package in packages)


def _argument_mistakes(target: Target, setting: str, provided: set[str]) -> list[str]:
    located = _locate(target.path)
    parameters = _parameters(located)
    free = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(located).parameters.values())
    names = ", ".join(name for name in parameters if name not in provided) or "none"
    unknown = [name for name in target.arguments if name not in parameters and name[0] != "_"]
    mistakes = [
        f"`{setting}.{name}` is not an argument of `{target.path}`; it takes: {names}"
        for name in unknown
        if not free
    ]
    for name, parameter in parameters.items():
        given = name in target.arguments or name in provided
        if parameter.default is parameter.empty and not given:
            mistakes.append(f"`{setting}.{name}` is missing; `{target.path}` needs it")
    return mistakes


def _parameters(located: Callable[..., object]) -> dict[str, inspect.Parameter]:
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    signature = inspect.signature(located)
    return {name: p for name, p in signature.parameters.items() if p.kind in named}


def _locate(path: str) -> Callable[..., object]:
    """The object at a dotted path, importing the longest prefix that is a module."""
    parts = path.split(".")
    module = importlib.import_module(parts[0])
    located: Any = module
    for index, part in enumerate(parts[1:], start=2):
        if not hasattr(located, part):
            importlib.import_module(".".join(parts[:index]))
        located = getattr(located, part)
    return located  # type: ignore[no-any-return]
