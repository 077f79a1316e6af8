"""Checks that a variant of your own keeps its contract: of a strategy, a scorer, a task."""

from paretoprune.testing.scorers import check_scorer
from paretoprune.testing.strategies import check_strategy
from paretoprune.testing.tasks import check_task

__all__ = ["check_scorer", "check_strategy", "check_task"]
