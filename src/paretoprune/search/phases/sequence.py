"""Several strategies, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.strategies.interface import Strategy


class Phase(Strategy, Protocol):
    """A part of a sequence: a strategy whose trials all have one origin."""

    @property
    def origin(self) -> str:
        """The origin of its trials."""

    def waits(
        self, results: Sequence[TrialResult], running: Sequence[Job], left: RemainingBudget
    ) -> bool:
        """True if what it runs must end before the parts after it may propose."""


@dataclass(frozen=True)
class StrategySequence:
    """Each part is asked once the ones before it have nothing more to propose."""

    parts: Sequence[Phase]

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """That of the first part that has one, or that waits for what it runs."""
        for part in self.parts:
            proposal = part.propose(number, results, running, left)
            if proposal is not None or part.waits(results, running, left):
                return proposal
        return None

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """That of the last part."""
        return self.parts[-1].ending(results, left)

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """All that a part needs."""
        return {number for part in self.parts for number in part.needed(results)}
