"""Checks that a variant of your own keeps its contract, one for each kind of variant.

Each is imported when it is first used: a worker that needs the formula alone starts sooner.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paretoprune.testing.allocations import check_allocation
    from paretoprune.testing.compensations import check_compensation
    from paretoprune.testing.executors import check_executor
    from paretoprune.testing.formats import check_format
    from paretoprune.testing.granularities import check_granularity
    from paretoprune.testing.quantizers import check_quantizer
    from paretoprune.testing.schedules import check_schedule
    from paretoprune.testing.scorers import check_scorer
    from paretoprune.testing.sparse_trainings import check_sparse_training
    from paretoprune.testing.strategies import check_strategy
    from paretoprune.testing.tasks import check_task

__all__ = [
    "check_allocation",
    "check_compensation",
    "check_executor",
    "check_format",
    "check_granularity",
    "check_quantizer",
    "check_schedule",
    "check_scorer",
    "check_sparse_training",
    "check_strategy",
    "check_task",
]

_HOMES = {
    "check_allocation": "allocations",
    "check_compensation": "compensations",
    "check_executor": "executors",
    "check_format": "formats",
    "check_granularity": "granularities",
    "check_quantizer": "quantizers",
    "check_schedule": "schedules",
    "check_scorer": "scorers",
    "check_sparse_training": "sparse_trainings",
    "check_strategy": "strategies",
    "check_task": "tasks",
}


def __getattr__(name: str) -> Any:
    """Return a check from the module of its kind of variant."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
