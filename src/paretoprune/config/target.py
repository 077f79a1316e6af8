"""A class or function that a setting names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pydantic.dataclasses import dataclass

from paretoprune.config.values import strict


@dataclass(frozen=True, kw_only=True, config=strict)
class Target:
    """A class or function by its dotted path (`_target_` in YAML) and its arguments."""

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
