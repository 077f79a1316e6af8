"""`low_rank=...`: the rank of layers as a dimension of the search."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, strict
from paretoprune.config.variants import Of, without_effect


@dataclass(frozen=True, kw_only=True, config=strict)
class LowRankSettings:
    """Low-rank factorisation: which layers are factored, and the step of the searched ranks."""

    # `auto`: where a search has time to compare both, and untrained models are better with ranks.
    name: Literal["auto", "none", "spatial"] = "auto"
    # Ranks are rounded to multiples of it.
    divisor: Annotated[Positive, Of("spatial")] = 4
    # Layers with fewer inputs or outputs are not factored.
    min_width: Annotated[Positive, Of("spatial")] = 16

    @model_validator(mode="after")
    def _has_an_effect(self) -> LowRankSettings:
        if mistakes := without_effect(self, "low_rank"):
            raise ValueError("\n".join(mistakes))
        return self
