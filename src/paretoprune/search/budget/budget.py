"""The remaining budget of a sweep, and its conversion into epochs of a trial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paretoprune.results import Budget
from paretoprune.search.budget.training_time import Pace


@dataclass(frozen=True)
class RemainingBudget:
    """The remaining budget of a sweep, passed to a strategy for each proposal.

    `budget.amount` is in trials, epochs or seconds (`budget.unit`). Seconds are converted into
    epochs by `pace_at`, the time model of trials at a given number of MACs. `trial_epochs` is the
    length of the complete schedule of one trial, in epochs.
    """

    budget: Budget
    trial_epochs: float  # of the complete schedule of a trial
    pace_at: Callable[[float], Pace]  # time model of a trial by its MACs

    def num_trials(self, planned: int) -> int:
        """Return the number of trials to come; `planned` unless the budget is in trials."""
        return int(self.budget.amount) if self.budget.unit == "trials" else planned

    def epochs(self, share: float, *, macs: float) -> float:
        """Return the epochs of a trial that receives this share of the remaining budget.

        A budget of trials imposes no limit: each trial has its complete schedule.
        """
        if self.budget.unit == "trials":
            return self.trial_epochs
        if self.budget.unit == "epochs":
            return share * self.budget.amount
        return self.pace_at(macs).epochs_in(share * self.budget.amount)
