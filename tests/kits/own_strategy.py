"""Strategies as a user would write them: one that keeps the contract, and some that do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import random

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.context import SearchContext


@dataclass(frozen=True)
class Halves:
    """Uniform candidates of 1/2, 1/4 ... of the dense model's size."""

    context: SearchContext
    steps: int = 4

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The next smaller candidate, each with an equal share of what is left."""
        step = number - self.context.num_first
        if step >= self.steps:
            return None
        ratios = self.context.uniform_of_size(self.context.sizes.dense / 2 ** (step + 1))
        epochs = left.epochs(1 / (self.steps - step), macs=self.context.sizes.macs_of(ratios))
        return Proposal(ratios, "halves", epochs=epochs)

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """All steps are done."""
        return "all steps are done; raise `search.strategy.steps`"

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """Return None: every trial starts from the dense model."""
        return set()


class Forgetful(Halves):
    """Depends on more than the results: on chance."""

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """A random candidate."""
        ratios = {group.name: 0.9 * random() for group in self.context.groups}
        return Proposal(ratios, "forgetful")


class Silent(Halves):
    """Does not say why it ends."""

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """Return no reason."""
        return ""
