"""Kept weights updated after pruning so that each layer's outputs change least; no training."""

from __future__ import annotations

from paretoprune.pruning.compensation.compensate import METHODS, compensate
from paretoprune.pruning.compensation.moments import Moments
from paretoprune.pruning.compensation.updatable import skipped_layers

__all__ = ["METHODS", "Moments", "compensate", "skipped_layers"]
