"""What a `_target_` may name: classes below listed bases, and functions that a registry gives.

Nothing else of these packages can be called, however it is reached. Packages of the user's own are
added by `trust`, which comes from the command line or the environment, never from a config.
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

TRUST_VARIABLE = "PARETOPRUNE_TRUST"

_MODULE = "torch.nn.Module"
_TIMM = "timm.create_model"
# Never a package of the user's own, and full of functions that run code or open files.
_NEVER_TRUSTED = sys.stdlib_module_names | {
    "cloudpickle", "dill", "hydra", "joblib", "lightning", "mlflow", "numpy", "omegaconf",
    "optuna", "pandas", "paretoprune", "pydantic", "ray", "safetensors", "scipy", "sklearn",
    "sqlalchemy", "submitit", "torch", "torchmetrics", "torchvision", "yaml",
}  # fmt: skip


@dataclass(frozen=True)
class _Classes:
    """The public classes below one of `bases` that are reached under `root`.

    `homes` are the packages in which they must be defined. Of packages of our own, functions that
    are annotated to return such a class belong to them; without `bases`, classes that are called.
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
    _Classes("torchvision.models", ("torchvision.models",), (_MODULE,)),
    _Classes(
        "torchmetrics",
        # Those of images, texts and sounds download networks.
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
    _Classes("paretoprune.pruning", ("paretoprune.pruning.scorers",), (), ours=True),
)
# Runs code that is generated from a graph.
_BARRED = ("torchvision.models.feature_extraction",)


def trusted_packages(given: Iterable[str] = ()) -> tuple[str, ...]:
    """The packages that the command line (`given`) or the environment adds, each once."""
    more = os.environ.get(TRUST_VARIABLE, "").split(",")
    return tuple(dict.fromkeys(name.strip() for name in (*given, *more) if name.strip()))


def can_be_trusted(path: str) -> bool:
    """Whether `trust` may let in the package of a dotted path."""
    package = path.partition(".")[0]
    return package.isidentifier() and package not in _NEVER_TRUSTED


def is_listed(path: str) -> bool:
    """Whether a dotted path lies where some names may be called without trust; imports nothing."""
    return path == _TIMM or is_within(path, [one.root for one in _LISTED])


def refusal(path: str, trust: Iterable[str] = ()) -> str | None:
    """Why what lies at a dotted path must not be called; None where it may be."""
    own = [name for name in trust if can_be_trusted(name)]
    listed = [one for one in _LISTED if is_within(path, [one.root])]
    if not (is_listed(path) or is_within(path, own)):
        return "is outside the trusted packages"
    if not all(part.isidentifier() and not part.startswith("_") for part in path.split(".")):
        return "is no public name"
    try:
        located = locate(path)
    except Exception as error:  # importing the user's own code may raise anything
        return f"cannot be imported: {error}"
    if not (inspect.isclass(located) or inspect.isroutine(located)):
        return "is not a class or function"
    home = str(getattr(located, "__module__", None))
    if is_within(path, own):
        known = is_within(home, own)
        return None if known else f"leads to `{home}`, which is outside the trusted packages"
    if is_builder(path, located) or any(_has(one, located, home) for one in listed):
        return None
    return "is not among what may be called; see docs/security.md"


def locate(path: str) -> Callable[..., Any]:
    """The object at a dotted path: a public name of a module, or a class or static method.

    Nothing is followed through the attributes of modules: each must be importable by its own name.
    Raises ImportError or AttributeError where there is none.
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
    """Whether a dotted path is one of the packages, or lies in one."""
    return any(path == package or path.startswith(f"{package}.") for package in packages)


def _has(classes: _Classes, located: Any, home: str) -> bool:
    if not is_within(home, classes.homes) or is_within(home, _BARRED):
        return False
    if located.__name__.startswith("_") or getattr(located, "_is_protocol", False):
        return False
    if not classes.bases:
        return inspect.isclass(located) and _is_called(located)
    made = located
    if classes.ours and inspect.isfunction(located):
        made = get_type_hints(located).get("return")
    return inspect.isclass(made) and issubclass(made, tuple(map(locate, classes.bases)))  # type: ignore[arg-type]


def _is_called(found: type) -> bool:
    return "__call__" in vars(found)
