"""Dropout of the smallest weights, without a penalty."""

from __future__ import annotations

from dataclasses import dataclass

from paretoprune.config.values import PositiveProbability, Share
from paretoprune.pruning.sparse_training.interface import SparseTraining


@dataclass(frozen=True, kw_only=True)
class WeightDropout(SparseTraining):
    """Targeted dropout of weights; plain dropout of weights with `targeted` = 1.

    Gomez et al. 2019 (Learning Sparse Networks Using Targeted Dropout, section 3).
    """

    dropout: PositiveProbability = 0.5
    targeted: Share = 0.5
