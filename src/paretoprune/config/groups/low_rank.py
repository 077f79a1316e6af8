"""`low_rank=...`: the rank of layers as a dimension of the search."""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, strict


@dataclass(frozen=True, kw_only=True, config=strict)
class LowRankSettings:
    """Low-rank factorisation: which layers are factored, and the step of the searched ranks."""

    name: Literal["none", "spatial"] = "none"
    divisor: Positive = 4  # ranks are rounded to multiples of it
    min_width: Positive = 16  # layers with fewer inputs or outputs are not factored

    @model_validator(mode="after")
    def _has_an_effect(self) -> LowRankSettings:
        if self.name != "none":
            return self
        given = [f.name for f in fields(self)[1:] if getattr(self, f.name) != f.default]
        if given:
            names = " and ".join(f"`low_rank.{name}`" for name in given)
            raise ValueError(
                f"{names} needs `low_rank=spatial`; with `low_rank=none` there is no rank"
            )
        return self
