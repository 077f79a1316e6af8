"""A warm chain: from the dense model to the smallest, each model starts from the one before.

The sizes are spaced evenly in their logarithm, each that of a uniform candidate, so that no uniform
one stands alone between two links; and each link gets an equal share of the budget.
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
    uniform: Callable[[float], Ratios]  # the largest uniform candidate that has at most this size
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
        targets = self._targets(self.sizes.size_of(start), len(links), num_left)
        if not targets:
            return None
        ratios = allocate(
            self.damage(parent),
            self.sizes.choices,
            self.sizes.size_of,
            start=start,
            enough=lambda r: self.sizes.size_of(r) <= targets[0] and self.fits(r),
        )
        epochs = left.epochs(1 / len(targets), macs=self.sizes.macs_of(ratios))
        return Proposal(ratios, self.origin, parent=_trained(parent), epochs=epochs)

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The last link."""
        last = _trained(_last_trained([r for r in results if r.origin == self.origin]))
        return set() if last is None else {last}

    def _targets(self, size: float, num_done: int, num_left: int) -> list[float]:
        """The sizes to come, falling. Steps are coarse: a link that overshot may have had some."""
        num_sizes = num_done + num_left
        shares = [number / num_sizes for number in range(num_done + 1, num_sizes + 1)]
        found = {self.sizes.size_of(self.uniform(self.sizes.between(share))) for share in shares}
        return sorted((target for target in found if target < size), reverse=True)


def _last_trained(links: Sequence[TrialResult]) -> TrialResult | None:
    """The last link that has weights, its own or those of the trial it repeats."""
    return next((r for r in reversed(links) if r.state == "duplicate" or r.curve), None)


def _trained(link: TrialResult | None) -> int | None:
    """The trial that has the link's weights: itself, or the one that it is a duplicate of."""
    if link is None:
        return None
    return link.number if link.duplicate_of is None else link.duplicate_of
