"""Dropout of the smallest weights, without a penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from paretoprune.config.values import Share
from paretoprune.pruning.sparse_training.interface import SparseTraining


@dataclass(frozen=True, kw_only=True)
class WeightDropout(SparseTraining):
    """Targeted dropout of weights; plain dropout of weights with `targeted` = 1.

    Gomez et al. 2019 (Learning Sparse Networks Using Targeted Dropout, section 3).
    """

    dropout: Annotated[float, Field(gt=0, lt=1)] = 0.5
    targeted: Share = 0.5
