"""What a sweep may still spend, and how much training that is for one trial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paretoprune.results import Budget
from paretoprune.search.budget.training_time import Pace


@dataclass(frozen=True)
class RemainingBudget:
    """What is left of a sweep's budget, as a strategy sees it."""

    budget: Budget
    trial_epochs: float  # of the whole schedule of a trial
    pace_at: Callable[[float], Pace]  # by MACs

    def num_trials(self, planned: int) -> int:
        """How many trials there are to come, of so many that were planned without a limit."""
        return int(self.budget.amount) if self.budget.unit == "trials" else planned

    def epochs(self, share: float, *, macs: float) -> float:
        """How long a trial may train that gets this share of what is left.

        A budget of trials sets no limit: each has its whole schedule.
        """
        if self.budget.unit == "trials":
            return self.trial_epochs
        if self.budget.unit == "epochs":
            return share * self.budget.amount
        return self.pace_at(macs).epochs_in(share * self.budget.amount)
