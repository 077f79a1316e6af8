"""Checks that a variant of your own keeps its contract, one for each kind of variant."""

from paretoprune.testing.executors import check_executor
from paretoprune.testing.formats import check_format
from paretoprune.testing.schedules import check_schedule
from paretoprune.testing.scorers import check_scorer
from paretoprune.testing.strategies import check_strategy
from paretoprune.testing.tasks import check_task

__all__ = [
    "check_executor",
    "check_format",
    "check_schedule",
    "check_scorer",
    "check_strategy",
    "check_task",
]
