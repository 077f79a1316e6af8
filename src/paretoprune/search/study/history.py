"""Bounded views of a long study, so that samplers do not slow down with the number of trials."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Protocol

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from paretoprune.metrics import Direction
from paretoprune.search.front.running_front import RunningFront


class View(Protocol):
    """A selection of a study's complete trials; depends on the order of completion only."""

    def add(self, trial: FrozenTrial, trial_id: int) -> None:
        """Add a trial that has completed."""

    def shown(self, notes: Mapping[str, Any]) -> Iterable[int]:
        """Return the ids of the selected trials; `notes` are the sampler's attributes
        of the study."""


class WindowStorage(InMemoryStorage):
    """Optuna's in-memory storage for one study, of which samplers see a bounded number of trials.

    Visible are the running trials and those selected by the view, so that the time of `ask` does
    not grow with the number of trials. Failed trials are hidden: no sampler learns from them. A
    single trial can be looked up by its id, visible or not.
    """

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._under_way: set[int] = set()  # ids

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Create a trial in memory; it may be complete already."""
        trial_id = super().create_new_trial(study_id, template_trial)
        self._note(trial_id)
        return trial_id

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Set the state in memory; a completed trial may displace another one from the view."""
        changed = super().set_trial_state_values(trial_id, state, values)
        self._note(trial_id)
        return changed

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the visible trials with these states, oldest first."""
        if states == (TrialState.WAITING,):  # the base class has an index of these
            return super().get_all_trials(study_id, deepcopy, states)
        complete = self._view.shown(self.get_study_system_attrs(study_id))
        trials = [self.get_trial(id_) for id_ in sorted({*self._under_way, *complete})]
        found = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def _note(self, trial_id: int) -> None:
        trial = self.get_trial(trial_id)
        if not trial.state.is_finished():
            self._under_way.add(trial_id)
            return
        self._under_way.discard(trial_id)
        if trial.state == TrialState.COMPLETE:
            self._view.add(trial, trial_id)


class LatestAndFront:
    """A `View` with the `most` latest trials, and the front.

    Of a front with more than `most` trials, `most` are selected, evenly spaced in the order of the
    last objective and including both ends.
    """

    def __init__(self, objectives: Mapping[str, Direction], *, most: int) -> None:
        self._most = most
        self._latest: deque[int] = deque(maxlen=most)
        self._front = RunningFront(objectives)

    def add(self, trial: FrozenTrial, trial_id: int) -> None:
        """Add a trial; it may displace an older one."""
        self._latest.append(trial_id)
        if all(value <= 0 for value in trial.constraints.values()):
            self._front.put(trial_id, trial.values)

    def shown(self, notes: Mapping[str, Any]) -> Iterable[int]:
        """Return at most twice `most` trial ids."""
        front = self._front.numbers()
        if len(front) > self._most:
            last, gaps = len(front) - 1, max(1, self._most - 1)
            front = tuple(front[round(step * last / gaps)] for step in range(gaps + 1))
        return (*self._latest, *front)
