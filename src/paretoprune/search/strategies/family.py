"""One candidate for each size, each from the dense model: uniform pruning, or a global ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget import Left
from paretoprune.search.sizes import Sizes

Ratios = Mapping[str, float]


@dataclass(frozen=True)
class Family:
    """A family of candidates with one parameter: its members at sizes even in their logarithm."""

    origin: str  # "uniform" or "global"
    member: Callable[[float], Ratios]  # the largest that has at most this size
    sizes: Sizes
    num_sizes: int  # where the budget does not say
    num_first: int  # trials before those of the strategy

    def propose(
        self, number: int, results: Sequence[TrialResult], running: Sequence[Job], left: Left
    ) -> Proposal | None:
        """The next smaller member; None after the smallest."""
        num_done = number - self.num_first
        num_left = left.num_trials(self.num_sizes - num_done)
        if num_left < 1:
            return None
        ratios = self.member(self.sizes.between((num_done + 1) / (num_done + num_left)))
        epochs = left.epochs(1 / num_left, macs=self.sizes.macs_of(ratios))
        return Proposal(ratios=ratios, origin=self.origin, epochs=epochs)

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """None: every trial starts from the dense model."""
        return set()
