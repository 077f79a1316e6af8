"""A warm chain: from the dense model to the smallest, each model starts from the one before.

The sizes are spaced evenly in their logarithm, each that of a uniform candidate, so that no uniform
one stands alone between two links; and each link gets a share of the budget by what its size costs
(see `time_weights`).
Training adds up down the chain, so that a small model has been trained as long as all larger ones
together; nothing else gives as much at a small budget. The idea is NetAdapt's (Yang et al. 2018,
section 3), with sizes fixed beforehand. For each size several allocations are looked at before
anything is trained: what the damage says, an even one, and changes of the best so far.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.allocation.joint import allocations
from paretoprune.search.allocation.mutation import swap, uniform_step
from paretoprune.search.allocation.sensitivity import Damage
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.budget.time_allocation import time_weights
from paretoprune.search.front.gaps import FrontAxis

Ratios = Mapping[str, float]

_NUM_LOOKS = 6  # at allocations of one size, where the budget is no time
_LOOK_SHARE = 0.05  # of a link's seconds, where it is
_MOST_LOOKS = 24


@dataclass(frozen=True)
class Chain:
    """`num_sizes` models, each allocated by the damage to its parent, within what that kept."""

    origin: str
    sizes: Sizes
    fits: Callable[[Ratios], bool]  # the limits that are known without training
    damage: Callable[[TrialResult | None], Damage]  # to this link, or to the dense model
    uniform: Callable[[float], Ratios]  # the largest uniform candidate that has at most this size
    proxy: Callable[[int | None, Ratios], float]  # how much a cut of a trial's model hurts at first
    quality: FrontAxis
    num_sizes: Callable[[], int]  # where the budget does not say; asked for before training
    spare: float = 0.0  # of the chain's budget, beside it, which is left to who comes after it
    seed: int = 0

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal | None:
        """The next smaller link, once the one before it is finished."""
        if any(job.origin == self.origin for job in running):
            return None
        links = [result for result in results if result.origin == self.origin]
        parent = _last_trained(links)
        start = parent.ratios if parent else dict.fromkeys(self.sizes.choices, 0.0)
        num_left = left.num_trials(self.num_sizes() - len(links))
        targets = self._targets(self.sizes.size_of(start), len(links), num_left)
        if not targets:
            return None
        ratios = self._chosen(
            number,
            parent,
            start,
            target=targets[0],
            enough=lambda r: self.sizes.size_of(r) <= targets[0] and self.fits(r),
            num_looks=_num_looks(parent, left, num_links=len(targets)),
        )
        done = [self.sizes.size_of(link.ratios) for link in links]
        weights = time_weights([*done, *targets], results, self.sizes, self.quality)
        share = weights[len(done)] / (sum(weights[len(done) :]) + self.spare * sum(weights))
        epochs = left.epochs(share, macs=self.sizes.macs_of(ratios))
        return Proposal(ratios, self.origin, parent=_trained(parent), epochs=epochs)

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """It has come to its smallest size, or to the last that the budget is worth."""
        return (
            "the chain has a model of each of its sizes; a sweep with a larger `search.max_ratio` "
            "has smaller ones"
        )

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The last link, and smaller trials that are no links: a link may come to repeat one."""
        last = _last_trained([r for r in results if r.origin == self.origin])
        size = self.sizes.size_of(last.ratios) if last else float("inf")
        others = {
            r.number
            for r in results
            if r.origin != self.origin and r.curve and self.sizes.size_of(r.ratios) < size
        }
        trained = _trained(last)
        return others if trained is None else others | {trained}

    def _chosen(
        self,
        number: int,
        parent: TrialResult | None,
        start: Ratios,
        *,
        target: float,
        enough: Callable[[Ratios], bool],
        num_looks: int,
    ) -> Ratios:
        """The allocation that hurts least, of so many."""
        choices, damage = self.sizes.choices, self.damage(parent)
        found = allocations(damage, self.sizes, start=start, target=target, enough=enough)
        if not enough(found[0]):
            return found[0]  # everything that may go, which leaves nothing to choose
        found.append(dict(uniform_step(choices, start=start, enough=enough)))
        hurt_of = cache(lambda ratios: self._hurt(parent, dict(ratios)))
        random = np.random.default_rng((self.seed, number))
        best: Ratios = min(found, key=lambda ratios: hurt_of(tuple(ratios.items())))
        for _ in range(num_looks - len(found)):
            other = swap(best, choices, start=start, enough=enough, random=random)
            best = min(best, other, key=lambda ratios: hurt_of(tuple(ratios.items())))
        return best

    def _hurt(self, parent: TrialResult | None, ratios: Ratios) -> float:
        hurt = self.proxy(_trained(parent), ratios)
        return math.inf if math.isnan(hurt) else hurt

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


def _num_looks(parent: TrialResult | None, left: RemainingBudget, *, num_links: int) -> int:
    """At how many allocations to look: as many as take a small part of the link's time."""
    if left.budget.unit != "seconds":
        return _NUM_LOOKS
    seconds = parent.seconds if parent else {}
    each = seconds.get("prune", 0.0) + seconds.get("compensate", 0.0)
    if each <= 0:
        return 2
    affordable = int(_LOOK_SHARE * left.budget.amount / num_links / each)
    return max(2, min(affordable, _MOST_LOOKS))
