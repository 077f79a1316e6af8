"""`granularity=...`: what goes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, strict
from paretoprune.config.variants import Of, without_effect


@dataclass(frozen=True, kw_only=True, config=strict)
class GranularitySettings:
    """What goes: channels or residual blocks (depth), which makes a model smaller, or weights,
    which leaves zeros."""

    name: Literal["channels", "depth", "channels_depth", "weights", "nm", "block"] = "channels"
    # N of every m inputs stay; the ratio says N.
    m: Annotated[int, Field(ge=2), Of("nm")] = 4
    rows: Annotated[Positive, Of("block")] = 4  # outputs
    columns: Annotated[Positive, Of("block")] = 1  # inputs

    @model_validator(mode="after")
    def _has_an_effect(self) -> GranularitySettings:
        if mistakes := without_effect(self, "granularity"):
            raise ValueError("\n".join(mistakes))
        return self

    @property
    def is_structured(self) -> bool:
        """Whether the model becomes smaller, and is not only set to zero in places."""
        return self.name in ("channels", "depth", "channels_depth")

    @property
    def blocks(self) -> bool:
        """Whether whole residual blocks go."""
        return self.name in ("depth", "channels_depth")
