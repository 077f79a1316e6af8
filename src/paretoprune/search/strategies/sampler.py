"""A sampler proposes, and every trial starts from the dense model: the honest baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.allocation.baselines import repair_ratios
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.study.study import SweepStudy

Ratios = Mapping[str, float]


@dataclass(frozen=True)
class Sampling:
    """Any Optuna sampler. A proposal over a size limit is repaired rather than rejected.

    With `log_sizes` each proposal is also stretched or shrunk to a size of its own, drawn evenly in
    the logarithm: ratios that are drawn evenly themselves hardly ever give small models.
    """

    study: SweepStudy
    fits: Callable[[Ratios], bool]
    max_ratio: float
    log_sizes: Sizes | None = None
    seed: int = 0

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal:
        """The sampler's next idea."""
        return self.study.ask(number, repair=lambda ratios: self._repaired(ratios, number))

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """A sampler always proposes something."""
        return "the sampler proposes nothing more"

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """None: every trial starts from the dense model."""
        return set()

    def _repaired(self, ratios: Ratios, number: int) -> Ratios:
        if self.log_sizes is not None:
            share = np.random.default_rng((self.seed, number)).uniform()
            ratios = self.log_sizes.stretched(ratios, self.log_sizes.between(share))
        return repair_ratios(ratios, self.fits, max_ratio=self.max_ratio)
