"""paretoprune: search how much to prune from each layer of a trained network.

The functions import torch and pandas when they are first used.
"""

from __future__ import annotations

import importlib
import inspect as _inspect
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paretoprune.api.comparison import compare
    from paretoprune.api.inspection import inspect
    from paretoprune.api.picked import pick
    from paretoprune.api.search import prune, search
    from paretoprune.api.sweep import Sweep
    from paretoprune.export.load import load_model
    from paretoprune.report.tables import load_sweep

__all__ = ["Sweep", "compare", "inspect", "load_model", "load_sweep", "pick", "prune", "search"]

_HOMES = {
    "Sweep": "api.sweep",
    "compare": "api.comparison",
    "inspect": "api.inspection",
    "load_model": "export.load",
    "load_sweep": "report.tables",
    "pick": "api.picked",
    "prune": "api.search",
    "search": "api.search",
}


class _CallablePackage(ModuleType):
    """A subpackage that is called as the function of the API that has its name."""

    @property
    def __signature__(self) -> _inspect.Signature:
        return _inspect.signature(_located(self.__name__.rpartition(".")[2]))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _located(self.__name__.rpartition(".")[2])(*arguments, **named)


class _Package(ModuleType):
    """The package, in which `search` and `pick` are functions and subpackages at once."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value.__class__ = _CallablePackage
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def _located(name: str) -> Any:
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = _located(name)  # which may import the subpackage of the same name
    return globals().get(name, found)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
