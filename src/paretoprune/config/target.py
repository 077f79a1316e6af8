"""A class or function named by a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, field
from typing import Any

from pydantic.dataclasses import dataclass

from paretoprune.config.values import strict


@dataclass(frozen=True, kw_only=True, config=strict)
class Target:
    """A class or function by its dotted path (`_target_` in YAML), and its arguments.

    `trust` names the user packages that may be called in addition to the allow-list. It is not part
    of the target's identity: targets that differ only in it compare equal.
    """

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    trust: InitVar[Sequence[str]] = ()

    def __post_init__(self, trust: Sequence[str]) -> None:
        object.__setattr__(self, "_trusted", tuple(trust))

    @property
    def trusted(self) -> tuple[str, ...]:
        """The user packages passed as `trust`."""
        return tuple(vars(self)["_trusted"])

    def inner(self, name: str) -> Target | None:
        """The target that an argument is, if it is one."""
        node = self.arguments.get(name)
        if not isinstance(node, Mapping) or not isinstance(node.get("_target_"), str):
            return None
        arguments = {key: value for key, value in node.items() if key != "_target_"}
        return Target(path=node["_target_"], arguments=arguments, trust=self.trusted)
