"""`sparse_training=...`: training before pruning that makes the dense model sparser."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, Share, strict
from paretoprune.config.variants import Of, without_effect


@dataclass(frozen=True, kw_only=True, config=strict)
class SparseTrainingSettings:
    """A training phase before pruning with a penalty or dropout that drives weights
    towards zero."""

    name: Literal["none", "l1", "bn_scale", "group_lasso", "growing"] = "none"
    # coefficient of the penalty in the loss
    strength: Annotated[float, Field(gt=0), Of("l1", "bn_scale", "group_lasso", "growing")] = 1e-4
    epochs: Positive = 4
    # probability that a weight is dropped in a step
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    # targeted dropout: share of each layer's smallest weights that may be dropped
    targeted: Share = 1.0

    @model_validator(mode="after")
    def _has_an_effect(self) -> SparseTrainingSettings:
        if mistakes := without_effect(self, "sparse_training"):
            raise ValueError("\n".join(mistakes))
        return self
