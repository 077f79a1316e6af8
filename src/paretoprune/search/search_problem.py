"""The network as the search sees it: functions from ratios to numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from paretoprune.results import Cost, EpochTime


@dataclass(frozen=True)
class SearchProblem:
    """Widths and cost of a plan, and the training time of its trial."""

    widths_of: Callable[[Mapping[str, float]], dict[str, int]]
    cost_of: Callable[[Mapping[str, float]], Cost]  # exact, without building a model
    epochs: float = 1.0  # of a trial that names none
    least_epochs: float = 0.0  # a shorter training is of no use
    # Counts until a trial says more, and is asked for when the first one is to be trained.
    epoch_time: Callable[[], EpochTime | None] = lambda: None
    bytes_of_bits: str | None = None  # the objective for which bits are searched, if they are
