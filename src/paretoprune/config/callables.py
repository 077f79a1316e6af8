"""The allow-list for `_target_`: subclasses of listed bases, and registered functions.

Nothing else of these packages can be called, whichever path leads to it. User packages are added by
`trust`, which is set on the command line or in the environment, never in a config.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, get_type_hints

from paretoprune.config.model_builders import is_builder
from paretoprune.config.name_patterns import closest
from paretoprune.config.own.code import described
from paretoprune.errors import SettingsError

TRUST_VARIABLE = "PARETOPRUNE_TRUST"

_MODULE = "torch.nn.Module"
_TIMM = "timm.create_model"
# Excluded from `trust`: not user packages, and full of functions that run code or open files.
_NEVER_TRUSTED = sys.stdlib_module_names | {
    "cloudpickle", "dill", "hydra", "joblib", "lightning", "mlflow", "numpy", "omegaconf",
    "optuna", "pandas", "paretoprune", "pydantic", "ray", "safetensors", "scipy", "sklearn",
    "sqlalchemy", "submitit", "torch", "torchmetrics", "torchvision", "yaml",
}  # fmt: skip


@dataclass(frozen=True)
class _Classes:
    """The public subclasses of `bases` that are reachable under `root`.

    `homes` are the packages in which they must be defined. For packages of our own (`ours`),
    functions annotated to return such a class are included. Without `bases`, all classes with a
    `__call__` method are included.
    """

    root: str
    homes: tuple[str, ...]
    bases: tuple[str, ...]
    ours: bool = False


_LISTED = (
    _Classes("torch.nn", ("torch.nn",), (_MODULE,)),
    _Classes(
        "torch.optim",
        ("torch.optim",),
        ("torch.optim.Optimizer", "torch.optim.lr_scheduler.LRScheduler"),
    ),
    _Classes(
        "lightning.pytorch.callbacks",
        # The others write files, or do what a trial does itself (config/groups/inner_targets.py).
        tuple(
            f"lightning.pytorch.callbacks.{kind}"
            for kind in ("early_stopping", "timer", "weight_averaging")
        ),
        ("lightning.Callback",),
    ),
    _Classes(
        "lightning.pytorch.loggers",
        ("lightning.pytorch.loggers",),
        ("lightning.pytorch.loggers.logger.Logger",),
    ),
    _Classes("torchvision.models", ("torchvision.models",), (_MODULE,)),
    _Classes(
        "torchmetrics",
        # The metrics for images, text and audio are excluded: they download networks.
        tuple(
            f"torchmetrics.{kind}"
            for kind in ("aggregation", "classification", "regression", "segmentation")
        ),
        ("torchmetrics.Metric",),
    ),
    _Classes(
        "optuna.samplers",
        ("optuna.samplers",),
        ("optuna.samplers.BaseSampler", "optuna.samplers.nsgaii.BaseCrossover"),
    ),
    _Classes("paretoprune.models", ("paretoprune.models",), (_MODULE,), ours=True),
    _Classes("paretoprune.data", ("paretoprune.data",), ("lightning.LightningDataModule",), True),
    _Classes(
        "paretoprune.search.strategies",
        ("paretoprune.search.strategies",),
        ("paretoprune.search.strategies.interface.Strategy",),
        ours=True,
    ),
    _Classes(
        "paretoprune.tasks",
        ("paretoprune.tasks",),
        ("paretoprune.tasks.interface.Task", "paretoprune.tasks.guess.Auto"),
        ours=True,
    ),
    _Classes(
        "paretoprune.trial.schedules",
        ("paretoprune.trial.schedules",),
        ("paretoprune.trial.schedules.interface.Schedule",),
        ours=True,
    ),
    _Classes(
        "paretoprune.pruning.granularities",
        ("paretoprune.pruning.granularities",),
        ("paretoprune.pruning.granularities.interface.Granularity",),
        ours=True,
    ),
    _Classes(
        "paretoprune.pruning.compensation.methods",
        ("paretoprune.pruning.compensation.methods",),
        (
            "paretoprune.pruning.compensation.methods.interface.Compensation",
            "paretoprune.pruning.compensation.methods.auto.Auto",
        ),
        ours=True,
    ),
    _Classes(
        "paretoprune.pruning.sparse_training",
        ("paretoprune.pruning.sparse_training",),
        ("paretoprune.pruning.sparse_training.interface.SparseTraining",),
        ours=True,
    ),
    _Classes(
        "paretoprune.search.allocation.methods",
        ("paretoprune.search.allocation.methods",),
        ("paretoprune.search.allocation.methods.interface.Allocation",),
        ours=True,
    ),
    _Classes(
        "paretoprune.executors",
        ("paretoprune.executors",),
        ("paretoprune.executors.interface.Executor",),
        ours=True,
    ),
    _Classes(
        "paretoprune.formats",
        ("paretoprune.formats",),
        ("paretoprune.formats.format.GraphFormat",),
        ours=True,
    ),
    _Classes(
        "paretoprune.quantization.quantizers",
        ("paretoprune.quantization.quantizers",),
        ("paretoprune.quantization.quantizers.interface.Quantizer",),
        ours=True,
    ),
    _Classes("paretoprune.pruning", ("paretoprune.pruning.scorers",), (), ours=True),
)
# Executes code that is generated from a graph.
_BARRED = ("torchvision.models.feature_extraction",)


def trusted_packages(given: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the packages trusted by the command line (`given`) or the environment, without
    repeats.

    Raises:
        SettingsError: `given` is not a list of names.
    """
    if isinstance(given, str):
        raise SettingsError([f'`trust` must be a list of packages, such as ["{given}"]'])
    given = [*given]
    if unusable := [one for one in given if not isinstance(one, str)]:
        raise SettingsError([f"`trust` must be a list of package names, got {unusable[0]!r} in it"])
    more = os.environ.get(TRUST_VARIABLE, "").split(",")
    return tuple(dict.fromkeys(name.strip() for name in (*given, *more) if name.strip()))


def can_be_trusted(path: str) -> bool:
    """Return True if the package of a dotted path may be added to `trust`."""
    package = path.partition(".")[0]
    return package.isidentifier() and package not in _NEVER_TRUSTED


def is_listed(path: str) -> bool:
    """Return True if some names under the dotted path are allowed without trust;
    imports nothing."""
    return path == _TIMM or is_within(path, [one.root for one in _LISTED])


def refusal(path: str, trust: Iterable[str] = ()) -> str | None:
    """Return the reason why the object at a dotted path must not be called; None if it may be."""
    if ":" in path or not path.partition(".")[2]:
        written = path.replace(":", ".") if ":" in path else "my_module.MyClass"
        return f"must name a module and a class or function in it, such as `{written}`"
    own = [name for name in trust if can_be_trusted(name)]
    listed = [one for one in _LISTED if is_within(path, [one.root])]
    if not (is_listed(path) or is_within(path, own)):
        return "is outside the trusted packages"
    if not all(part.isidentifier() and not part.startswith("_") for part in path.split(".")):
        return "is no public name"
    try:
        located = locate(path)
    except Exception as error:  # importing user code may raise any exception
        return _not_there(path, error) or f"cannot be imported: {described(error)}"
    if not (inspect.isclass(located) or inspect.isroutine(located)):
        return "is not a class or function"
    home = str(getattr(located, "__module__", None))
    if is_within(path, own):
        known = is_within(home, own)
        hint = f"; write `trust=[{home}]`" if is_within(path, [home]) else ""
        return None if known else f"leads to `{home}`, which is outside the trusted packages{hint}"
    if is_builder(path, located) or any(_has(one, located, home) for one in listed):
        return None
    return "is not among what may be called; see docs/security.md"


def _not_there(path: str, error: Exception) -> str | None:
    """Return the reason for a name that does not exist, with the one probably meant."""
    module, _, name = path.rpartition(".")
    if isinstance(error, AttributeError) and error.obj is sys.modules.get(module):
        close = closest(name, [one for one in vars(error.obj) if not one.startswith("_")])
        hint = f"; did you mean `{module}.{close}`?" if close else ""
        return f"cannot be imported: `{module}` has no `{name}`{hint}"
    package = path.partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and error.name == package:
        return (
            f"cannot be imported: there is no module `{package}`; run the command in the folder "
            f"of {package}.py, or install it"
        )
    return None


def locate(path: str) -> Callable[..., Any]:
    """Return the object at a dotted path: a public name of a module, or a class or static method.

    Module attributes are not followed: each module must be importable by its own name. Raises
    ImportError or AttributeError if there is no such object.
    """
    *parts, name = path.split(".")
    try:
        return getattr(importlib.import_module(".".join(parts)), name)  # type: ignore[no-any-return]
    except ModuleNotFoundError:
        if len(parts) < 2:
            raise
        owner = getattr(importlib.import_module(".".join(parts[:-1])), parts[-1], None)
        found = inspect.getattr_static(owner, name, None) if inspect.isclass(owner) else None
        if not isinstance(found, classmethod | staticmethod):
            raise
        return getattr(owner, name)  # type: ignore[no-any-return]


def is_within(path: str, packages: Iterable[str]) -> bool:
    """Return True if a dotted path equals one of the packages or lies in one."""
    return any(path == package or path.startswith(f"{package}.") for package in packages)


def _has(classes: _Classes, located: Any, home: str) -> bool:
    if not is_within(home, classes.homes) or is_within(home, _BARRED):
        return False
    if located.__name__.startswith("_") or getattr(located, "_is_protocol", False):
        return False
    if not classes.bases:
        return inspect.isclass(located) and _is_called(located) and not inspect.isabstract(located)
    made = located
    if classes.ours and inspect.isfunction(located):
        made = _returned(located)
    return inspect.isclass(made) and issubclass(made, tuple(map(locate, classes.bases)))  # type: ignore[arg-type]


def _returned(function: Callable[..., Any]) -> Any:
    """Return the annotation of what a function returns; None if it cannot be resolved."""
    try:
        return get_type_hints(function).get("return")
    except NameError:  # of a large library, imported for type checking alone
        return None


def _is_called(found: type) -> bool:
    return any("__call__" in vars(owner) for owner in found.__mro__)
