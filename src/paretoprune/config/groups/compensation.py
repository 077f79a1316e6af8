"""`compensation=...`: the update of the remaining weights before training."""

from __future__ import annotations

from paretoprune.config.target import Target

_METHODS = "paretoprune.pruning.compensation.methods"
# The compensation of configs that name none, and the one that it may stand for.
AUTO = Target(path=f"{_METHODS}.auto.Auto")
LEAST_SQUARES = Target(path=f"{_METHODS}.least_squares.LeastSquares")
