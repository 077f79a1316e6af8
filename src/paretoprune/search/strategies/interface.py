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
        """The candidate for trial `number`; None until a running one ends, or for good.

        `running` are the trials under way, those that wait for others to end included.
        """

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """Why there is no candidate any more although nothing runs, and what would allow more."""

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The trials, beside those of the front, whose weights later candidates start from."""
