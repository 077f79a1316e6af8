"""The interface of search strategies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget


class Strategy(Protocol):
    """What the sweep's loop needs of a way to choose candidates."""

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The candidate for trial `number`, or None if there is none until a running one ends."""

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The trials, beside those of the front, whose weights later candidates start from."""
