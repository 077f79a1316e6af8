"""A warm chain: from the dense model to the smallest, each model starts from the one before.

The sizes are spaced evenly in their logarithm. Training adds up down the chain, so that a small
model has been trained as long as all larger ones together; nothing else gives as much at a small
budget. The idea is NetAdapt's (Yang et al. 2018, section 3), with sizes fixed beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.sensitivity import Sensitivity, allocate

Ratios = Mapping[str, float]


@dataclass(frozen=True)
class Chain:
    """`num_links` models, each allocated by sensitivity within what its parent kept."""

    choices: Mapping[str, Sequence[float]]  # the ratios of each group, from `distinct_ratios`
    size_of: Callable[[Ratios], float]
    fits: Callable[[Ratios], bool]  # the limits that are known without training
    sensitivity: Callable[[], Sensitivity]  # measured when it is first needed
    num_links: int

    def propose(
        self, number: int, results: Sequence[TrialResult], running: Sequence[Job]
    ) -> Proposal | None:
        """The next smaller link, once the one before it is finished."""
        if any(job.origin == "chain" for job in running):
            return None
        links = [result for result in results if result.origin == "chain"]
        parent = _last_trained(links)
        start = parent.ratios if parent else dict.fromkeys(self.choices, 0.0)
        target = self._target(self.size_of(start), num_left=self.num_links - len(links))
        if target is None:
            return None
        ratios = allocate(
            self.sensitivity(),
            self.choices,
            self.size_of,
            start=start,
            enough=lambda ratios: self.size_of(ratios) <= target and self.fits(ratios),
        )
        return Proposal(ratios=ratios, origin="chain", parent=_trained(parent))

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The last link."""
        last = _trained(_last_trained([r for r in results if r.origin == "chain"]))
        return set() if last is None else {last}

    def _target(self, size: float, *, num_left: int) -> float | None:
        """The next size, with the links left evenly spaced in the logarithm; None at the end.

        Seen from the size that was reached: steps are coarse, and a link may overshoot.
        """
        least = self.size_of({name: ratios[-1] for name, ratios in self.choices.items()})
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
