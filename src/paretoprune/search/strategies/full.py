"""A sampler proposes, and every trial starts from the dense model: the honest baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.baselines import repair_ratios
from paretoprune.search.ledger import Ledger


@dataclass(frozen=True)
class Full:
    """Any Optuna sampler. A proposal over a size limit is repaired rather than rejected."""

    ledger: Ledger
    fits: Callable[[Mapping[str, float]], bool]
    max_ratio: float

    def propose(
        self, number: int, results: Sequence[TrialResult], running: Sequence[Job]
    ) -> Proposal:
        """The sampler's next idea."""
        return self.ledger.ask(
            number,
            repair=lambda ratios: repair_ratios(ratios, self.fits, max_ratio=self.max_ratio),
        )

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """None: every trial starts from the dense model."""
        return set()
