"""Traits: what the settings must know of a variant before it is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def declares(*traits: str) -> Callable[[F], F]:
    """Decorate a function that is named by a `_target_` with its traits.

    A class sets its attribute `traits` instead. `instantiate.has_trait` reads both.
    """

    def mark(made: F) -> F:
        vars(made)["traits"] = traits
        return made

    return mark
