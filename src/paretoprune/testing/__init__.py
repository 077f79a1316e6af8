"""Checks that a variant of your own keeps its contract: `check_strategy` and `check_scorer`."""

from paretoprune.testing.scorers import check_scorer
from paretoprune.testing.strategies import check_strategy

__all__ = ["check_scorer", "check_strategy"]
