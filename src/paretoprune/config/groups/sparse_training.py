"""`sparse_training=...`: training before pruning that makes the dense model sparser."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, Share, strict
from paretoprune.config.variants import Of, without_effect


@dataclass(frozen=True, kw_only=True, config=strict)
class SparseTrainingSettings:
    """A phase of training before pruning that pushes weights towards zero."""

    name: Literal["none", "l1", "bn_scale", "group_lasso", "growing"] = "none"
    # Of the penalty in the loss.
    strength: Annotated[float, Field(gt=0), Of("l1", "bn_scale", "group_lasso", "growing")] = 1e-4
    epochs: Positive = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # probability that a weight sits out a step
    targeted: Share = 1.0  # dropout strikes this share of each layer's weights, the smallest

    @model_validator(mode="after")
    def _has_an_effect(self) -> SparseTrainingSettings:
        if mistakes := without_effect(self, "sparse_training"):
            raise ValueError("\n".join(mistakes))
        return self
