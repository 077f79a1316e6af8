"""A class or function that a setting names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, field
from typing import Any

from pydantic.dataclasses import dataclass

from paretoprune.config.values import strict


@dataclass(frozen=True, kw_only=True, config=strict)
class Target:
    """A class or function by its dotted path (`_target_` in YAML) and its arguments.

    `trust` names the packages that the command line adds to those that may be called. It is no
    part of what the target is: targets that differ in it alone are equal.
    """

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    trust: InitVar[Sequence[str]] = ()

    def __post_init__(self, trust: Sequence[str]) -> None:
        object.__setattr__(self, "_trusted", tuple(trust))

    @property
    def trusted(self) -> tuple[str, ...]:
        """The packages that `trust` named."""
        return tuple(vars(self)["_trusted"])

    def inner(self, name: str) -> Target | None:
        """The target that an argument is, if it is one."""
        node = self.arguments.get(name)
        if not isinstance(node, Mapping) or not isinstance(node.get("_target_"), str):
            return None
        arguments = {key: value for key, value in node.items() if key != "_target_"}
        return Target(path=node["_target_"], arguments=arguments, trust=self.trusted)
