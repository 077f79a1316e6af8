"""Results of a sweep so far, with values that are needed after each trial kept up to date."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping

from paretoprune.metrics import Direction
from paretoprune.objectives import first_quality
from paretoprune.results import EpochTime, Job, TrialResult
from paretoprune.results.jobs import UNTRAINED
from paretoprune.results.trials import models_of
from paretoprune.search.budget.training_time import TrialTimes
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.front.front import front_of
from paretoprune.search.front.running_front import RunningFront


class SweepResults:
    """Results in order; each query takes constant time in their number."""

    def __init__(self, objectives: Mapping[str, Direction]) -> None:
        self._objectives = objectives
        self._clear()

    def _clear(self) -> None:
        self.all: list[TrialResult] = []  # by number
        self.num_counted = 0  # those that count against `n_trials`
        self.epochs = 0.0  # passes of training, of all of them
        self._by_number: dict[int, TrialResult] = {}
        self._first_of: dict[tuple[object, ...], TrialResult] = {}  # by widths
        self._front = RunningFront(self._objectives)
        self._times = TrialTimes()

    def __contains__(self, number: int) -> bool:
        """Return True if a trial is recorded."""
        return number in self._by_number

    def at(self, number: int) -> TrialResult | None:
        """Return the result of a trial; None if there is none."""
        return self._by_number.get(number)

    def add(self, result: TrialResult) -> None:
        """Add a result."""
        insort(self.all, result, key=lambda r: r.number)
        self._by_number[result.number] = result
        if result.state != "duplicate" and result.origin != UNTRAINED:
            self._first_of.setdefault(_key(result), result)
        self.num_counted += not result.was_settled
        self.epochs += result.epochs
        self._front.add(result)
        self._times.add(result)

    def remove(self, number: int) -> TrialResult:
        """Remove a result and return it."""
        removed = self._by_number[number]
        rest = [result for result in self.all if result.number != number]
        self._clear()
        self.add_all(rest)
        return removed

    def add_all(self, results: Iterable[TrialResult]) -> None:
        """Add several results."""
        for result in results:
            self.add(result)

    def twin_of(self, job: Job) -> TrialResult | None:
        """Return the trial with the architecture of the job, if one was tried."""
        return self._first_of.get(_key(job))

    def front(self) -> tuple[int, ...]:
        """Return the numbers of the trials on the front, themselves or by a quantized model."""
        return self._front.numbers()

    def rivals(self, size: str) -> tuple[tuple[float, float], ...]:
        """Return (`size`, first quality) of the models of the front over both, the smallest first.

        Empty without an objective that is a quality.
        """
        quality = first_quality(self._objectives)
        if quality is None:
            return ()
        axes = {quality: self._objectives[quality], size: self._objectives[size]}
        models = {model.key: model for model in models_of(self.all)}
        found = [models[key].metrics.measured() for key in front_of([*models.values()], axes)]
        return tuple((found_one[size], found_one[quality]) for found_one in found)

    def time_at(self, macs: float, known: EpochTime | None) -> TrialTime:
        """Return the time model of a trial of this size; `known`: measured before the trials."""
        return self._times.at(macs, known)


def is_twin(job: Job, other: Job) -> bool:
    """Return True if two jobs have the same architecture."""
    return _key(job) == _key(other)


def _key(trial: Job | TrialResult) -> tuple[object, ...]:
    """Return the key in which two trials of the same architecture agree.

    Trials of a higher rung continue a training, and trials with nested models train several models;
    neither repeats another trial.
    """
    return (trial.rung, bool(trial.nested), *sorted(trial.widths.items()))
