"""Frozen dataclasses that cross package borders. Plain data: numbers, names, tuples."""

from paretoprune.results.data import Argument, DataInfo, Preprocessing
from paretoprune.results.groups import GroupInfo
from paretoprune.results.jobs import Budget, Job, Proposal
from paretoprune.results.measurements import Cost, Metrics
from paretoprune.results.training import EpochRecord, EpochTime
from paretoprune.results.trials import TrialResult

__all__ = [
    "Argument",
    "Budget",
    "Cost",
    "DataInfo",
    "EpochRecord",
    "EpochTime",
    "GroupInfo",
    "Job",
    "Metrics",
    "Preprocessing",
    "Proposal",
    "TrialResult",
]
