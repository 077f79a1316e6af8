"""Settings: what the YAML under conf/ may say, as frozen dataclasses that check themselves.

One file and one class per config group. They say what is right; `mistakes.py` says it to a user
who wrote something else.
"""

from paretoprune.config.executor import ExecutorSettings
from paretoprune.config.finetune import FinetuneSettings
from paretoprune.config.granularity import GranularitySettings
from paretoprune.config.low_rank import LowRankSettings
from paretoprune.config.measure import MeasureSettings
from paretoprune.config.model import ModelSettings
from paretoprune.config.schedule import ScheduleSettings
from paretoprune.config.search import SearchSettings
from paretoprune.config.settings import Settings
from paretoprune.config.sparse_training import SparseTrainingSettings
from paretoprune.config.sparsity import SparsitySettings
from paretoprune.config.spelling import parse_count
from paretoprune.config.target import Target
from paretoprune.config.tracking import TrackingSettings

__all__ = [
    "ExecutorSettings",
    "FinetuneSettings",
    "GranularitySettings",
    "LowRankSettings",
    "MeasureSettings",
    "ModelSettings",
    "ScheduleSettings",
    "SearchSettings",
    "Settings",
    "SparseTrainingSettings",
    "SparsitySettings",
    "Target",
    "TrackingSettings",
    "parse_count",
]
