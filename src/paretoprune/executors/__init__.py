"""Where trials run. An executor takes jobs and hands back what finished, in any order."""

from __future__ import annotations

from paretoprune.executors.attempt import Evaluate, Lost, failed
from paretoprune.executors.inline import Inline
from paretoprune.executors.interface import Executor
from paretoprune.executors.open import open_executor

__all__ = ["Evaluate", "Executor", "Inline", "Lost", "failed", "open_executor"]
