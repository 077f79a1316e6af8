"""How candidates are chosen. A strategy knows names and numbers, and what came of earlier trials.

All that a strategy decides follows from its settings and the results on record, so that a sweep
that was killed goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget import Left
from paretoprune.search.strategies.chain import Chain
from paretoprune.search.strategies.drop import Drop
from paretoprune.search.strategies.family import Family
from paretoprune.search.strategies.full import Full
from paretoprune.search.strategies.halving import Halving
from paretoprune.search.strategies.in_turn import InTurn
from paretoprune.search.strategies.refill import Refill
from paretoprune.search.strategies.shared import Shared
from paretoprune.search.strategies.sketch import Sketch

__all__ = [
    "Chain",
    "Drop",
    "Family",
    "Full",
    "Halving",
    "InTurn",
    "Refill",
    "Shared",
    "Sketch",
    "Strategy",
]


class Strategy(Protocol):
    """What the sweep's loop needs of a way to choose candidates."""

    def propose(
        self, number: int, results: Sequence[TrialResult], running: Sequence[Job], left: Left
    ) -> Proposal | None:
        """The candidate for trial `number`; None until a running one ends, or for good.

        `running` are the trials under way, those that wait for others to end included.
        """

    def ending(self, results: Sequence[TrialResult], left: Left) -> str:
        """Why there is no candidate any more although nothing runs, and what would allow more."""

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The trials, beside those of the front, whose weights later candidates start from."""
