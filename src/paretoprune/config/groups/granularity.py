"""`granularity=...`: what goes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, strict


@dataclass(frozen=True, kw_only=True, config=strict)
class GranularitySettings:
    """What goes: channels or residual blocks (depth), which makes a model smaller, or weights,
    which leaves zeros."""

    name: Literal["channels", "depth", "channels_depth", "weights", "nm", "block"] = "channels"
    m: Annotated[int, Field(ge=2)] = 4  # nm: N of every m inputs stay; the ratio says N
    rows: Positive = 4  # block: outputs
    columns: Positive = 1  # block: inputs

    @property
    def is_structured(self) -> bool:
        """Whether the model becomes smaller, and is not only set to zero in places."""
        return self.name in ("channels", "depth", "channels_depth")

    @property
    def blocks(self) -> bool:
        """Whether whole residual blocks go."""
        return self.name in ("depth", "channels_depth")
