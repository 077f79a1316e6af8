"""`granularity=...`: the unit that pruning removes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, strict
from paretoprune.config.variants import Of, without_effect


@dataclass(frozen=True, kw_only=True, config=strict)
class GranularitySettings:
    """The unit that pruning removes.

    Structured: channels or residual blocks (depth); the model becomes smaller. Unstructured: single
    weights, N:M patterns or blocks of weights, which are set to zero.
    """

    name: Literal["channels", "depth", "channels_depth", "weights", "nm", "block"] = "channels"
    # N of every m inputs are kept; the ratio determines N.
    m: Annotated[int, Field(ge=2), Of("nm")] = 4
    rows: Annotated[Positive, Of("block")] = 4  # number of outputs
    columns: Annotated[Positive, Of("block")] = 1  # number of inputs

    @model_validator(mode="after")
    def _has_an_effect(self) -> GranularitySettings:
        if mistakes := without_effect(self, "granularity"):
            raise ValueError("\n".join(mistakes))
        return self

    @property
    def is_structured(self) -> bool:
        """True if layers become smaller; False if weights are set to zero."""
        return self.name in ("channels", "depth", "channels_depth")

    @property
    def blocks(self) -> bool:
        """True if whole residual blocks can be removed."""
        return self.name in ("depth", "channels_depth")
