"""Sampling: an Optuna sampler proposes, and every trial starts from the dense model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paretoprune.config.target import Target
from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.allocation.baselines import repair_ratios
from paretoprune.search.budget.budget import RemainingBudget
from paretoprune.search.context import Ratios, SearchContext


@dataclass(frozen=True)
class Sampling:
    """Proposes by any Optuna sampler. A proposal over a size limit is repaired, not rejected.

    With `log_sizes` each proposal is also stretched or shrunk to a size of its own, drawn evenly in
    the logarithm: ratios that are drawn evenly themselves hardly ever give small models.
    """

    context: SearchContext
    sampler: Target  # any optuna.samplers.*; the sweep's study is opened with it
    log_sizes: bool = False

    def propose(
        self,
        number: int,
        results: Sequence[TrialResult],
        running: Sequence[Job],
        left: RemainingBudget,
    ) -> Proposal:
        """Return the sampler's next proposal."""
        return self.context.ask(number, repair=lambda ratios: self._repaired(ratios, number))

    def ending(self, results: Sequence[TrialResult], left: RemainingBudget) -> str:
        """Return a sentence that is never needed: a sampler always proposes something."""
        return "the sampler proposes nothing more"

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """Return the empty set: every trial starts from the dense model."""
        return set()

    def _repaired(self, ratios: Ratios, number: int) -> Ratios:
        context = self.context
        if self.log_sizes:
            share = np.random.default_rng((context.seed, number)).uniform()
            ratios = context.sizes.stretched(ratios, context.sizes.between(share))
        return repair_ratios(ratios, context.fits, max_ratio=context.max_ratio)
