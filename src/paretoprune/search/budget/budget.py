"""The remaining budget of a sweep, and its conversion into the training of a trial."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from paretoprune.results import Budget
from paretoprune.search.budget.trial_time import TrialTime

# A training that ends by the clock may have this many times the predicted epochs.
_ROOM = 2.0


@dataclass(frozen=True)
class Training:
    """The training that a share of a budget pays for, as `Proposal` takes it."""

    epochs: float
    seconds: float | None = None  # at which it ends; None: after its epochs


@dataclass(frozen=True)
class RemainingBudget:
    """The remaining budget of a sweep, passed to a strategy for each proposal.

    `budget.amount` is in trials, epochs or seconds (`budget.unit`). Seconds are converted into
    epochs by `time_at`, the time model of trials at a given number of MACs. `trial_epochs` is the
    length of the complete schedule of one trial, in epochs. A strategy may take a while, for
    instance to evaluate a proxy: `now` is the budget that remains then.

    Seconds are wall time, in which each worker trains one trial after another. So the share of a
    trial is one of the seconds of all workers, without those that running trials still take; and
    no trial takes longer than what is left of the wall time.
    """

    budget: Budget
    trial_epochs: float  # of the complete schedule of a trial
    time_at: Callable[[float], TrialTime]  # time model of a trial by its MACs
    read: Callable[[], Budget] | None = None  # the budget that is left when it is called
    workers: int = 1  # that run trials at the same time
    # Seconds that running trials are still expected to take, by number; empty with one worker.
    busy_s: Mapping[int, float] = field(default_factory=dict)

    def now(self) -> RemainingBudget:
        """Return the budget that is left at this moment."""
        return replace(self, budget=self.read()) if self.read else self

    def of_workers(self, most: int, running: Collection[int]) -> RemainingBudget:
        """Return the budget of at most as many workers, of which some run these trials."""
        if most >= self.workers:
            return self
        busy_s = {number: s for number, s in self.busy_s.items() if number in running}
        return replace(self, workers=most, busy_s=busy_s)

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
        return self.time_at(macs).epochs_in(self._seconds(share, macs))

    def training(self, share: float, *, macs: float) -> Training:
        """Return the training of a trial that receives this share of the remaining budget.

        With a budget of time it ends by the clock, and what was used of the budget since `budget`
        was read belongs to the trial.
        """
        if self.budget.unit != "seconds":
            return Training(self.epochs(share, macs=macs))
        used = self.budget.amount - self.now().budget.amount
        seconds = self._seconds(share, macs) - used
        trial_time = self.time_at(macs)
        return Training(_ROOM * trial_time.epochs_in(seconds), max(0.0, seconds - trial_time.fixed))

    def _seconds(self, share: float, macs: float) -> float:
        """Return the seconds of a share; who computes outputs of the teacher gets them added.

        Otherwise the first trials would be trained less than those that use the cache.
        """
        whole = self.workers * self.budget.amount - sum(self.busy_s.values())
        trial_time = self.time_at(macs)
        all_epochs = trial_time.epochs_in(whole)
        if all_epochs <= trial_time.teacher_epochs:  # all trials need the teacher throughout
            return min(share * whole, self.budget.amount)
        common = share * (whole - trial_time.teacher_seconds(all_epochs))
        untaught = replace(trial_time, teacher_per_epoch=0.0).epochs_in(common)
        return min(common + trial_time.teacher_seconds(untaught), self.budget.amount)
