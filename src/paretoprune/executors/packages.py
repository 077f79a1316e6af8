"""Packages that an executor needs and that are not dependencies of this package."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar

from paretoprune.config.callables import locate
from paretoprune.config.groups.executor import ExecutorSettings
from paretoprune.config.variants import spelled
from paretoprune.errors import SettingsError

F = TypeVar("F", bound=Callable[..., Any])


def needs(package: str, *, extra: str) -> Callable[[F], F]:
    """Decorate an executor with the import name of its package and the extra that installs it."""

    def mark(made: F) -> F:
        vars(made)["needs"] = (package, extra)
        return made

    return mark


def check_installed(settings: ExecutorSettings) -> None:
    """Raises SettingsError with the command to install the executor's package if it is missing."""
    package, extra = getattr(locate(settings.target.path), "needs", (None, None))
    if package is not None and importlib.util.find_spec(package) is None:
        raise SettingsError(
            [
                f"{spelled('executor', settings.target)} needs a package that is not installed "
                f'({package}): pip install "paretoprune[{extra}]"'
            ]
        )
