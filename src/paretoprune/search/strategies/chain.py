"""A warm chain: from the dense model to the smallest, each model starts from the one before.

The sizes are spaced evenly in their logarithm, and each link gets an equal share of the budget.
Training adds up down the chain, so that a small model has been trained as long as all larger ones
together; nothing else gives as much at a small budget. The idea is NetAdapt's (Yang et al. 2018,
section 3), with sizes fixed beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget import Left
from paretoprune.search.sensitivity import Damage, allocate
from paretoprune.search.sizes import Sizes

Ratios = Mapping[str, float]


@dataclass(frozen=True)
class Chain:
    """`num_sizes` models, each allocated by the damage to its parent, within what that kept."""

    origin: str
    sizes: Sizes
    fits: Callable[[Ratios], bool]  # the limits that are known without training
    damage: Callable[[TrialResult | None], Damage]  # to this link, or to the dense model
    num_sizes: int  # where the budget does not say

    def propose(
        self, number: int, results: Sequence[TrialResult], running: Sequence[Job], left: Left
    ) -> Proposal | None:
        """The next smaller link, once the one before it is finished."""
        if any(job.origin == self.origin for job in running):
            return None
        links = [result for result in results if result.origin == self.origin]
        parent = _last_trained(links)
        start = parent.ratios if parent else dict.fromkeys(self.sizes.choices, 0.0)
        num_left = left.num_trials(self.num_sizes - len(links))
        target = self._target(self.sizes.size_of(start), num_left=num_left)
        if target is None:
            return None
        ratios = allocate(
            self.damage(parent),
            self.sizes.choices,
            self.sizes.size_of,
            start=start,
            enough=lambda r: self.sizes.size_of(r) <= target and self.fits(r),
        )
        epochs = left.epochs(1 / num_left, macs=self.sizes.macs_of(ratios))
        return Proposal(ratios, self.origin, parent=_trained(parent), epochs=epochs)

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The last link."""
        last = _trained(_last_trained([r for r in results if r.origin == self.origin]))
        return set() if last is None else {last}

    def _target(self, size: float, *, num_left: int) -> float | None:
        """The next size, with the links left evenly spaced in the logarithm; None at the end.

        Seen from the size that was reached: steps are coarse, and a link may overshoot.
        """
        least = self.sizes.least
        if num_left < 1 or size <= least:
            return None
        share: float = (least / size) ** (1 / num_left)
        return size * share


def _last_trained(links: Sequence[TrialResult]) -> TrialResult | None:
    """The last link that has weights, its own or those of the trial it repeats."""
    return next((r for r in reversed(links) if r.state == "duplicate" or r.curve), None)


def _trained(link: TrialResult | None) -> int | None:
    """The trial that has the link's weights: itself, or the one that it is a duplicate of."""
    if link is None:
        return None
    return link.number if link.duplicate_of is None else link.duplicate_of
