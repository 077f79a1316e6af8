"""What a sampler sees of a long study: what it learns from, not everything."""

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
    """Which of the complete trials of a study are shown. All of it follows from their order."""

    def add(self, trial: FrozenTrial, trial_id: int) -> None:
        """A trial is complete now."""

    def shown(self, notes: Mapping[str, Any]) -> Iterable[int]:
        """The ids of those to be shown; `notes` are the sampler's about the study."""


class WindowStorage(InMemoryStorage):
    """Optuna's storage in memory, for one study, of which it shows samplers a bounded part.

    Shown are the trials under way and what the view says, so that asking takes no longer the more
    trials there are. Failed trials are not shown: no sampler learns from them. A single trial can
    be looked up by its id, shown or not.
    """

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._under_way: set[int] = set()  # ids

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """As in memory; the trial may be complete already."""
        trial_id = super().create_new_trial(study_id, template_trial)
        self._note(trial_id)
        return trial_id

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """As in memory; a trial that is told may push another one out of sight."""
        changed = super().set_trial_state_values(trial_id, state, values)
        self._note(trial_id)
        return changed

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Those that are shown, oldest first, of these states."""
        if states == (TrialState.WAITING,):  # the memory knows where to look for these
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
    """The `most` latest trials, and the front.

    Of a front of more than `most`, so many are shown: both ends and evenly between them, in the
    order of the last objective.
    """

    def __init__(self, objectives: Mapping[str, Direction], *, most: int) -> None:
        self._most = most
        self._latest: deque[int] = deque(maxlen=most)
        self._front = RunningFront(objectives)

    def add(self, trial: FrozenTrial, trial_id: int) -> None:
        """It may push another one out of sight."""
        self._latest.append(trial_id)
        if all(value <= 0 for value in trial.constraints.values()):
            self._front.put(trial_id, trial.values)

    def shown(self, notes: Mapping[str, Any]) -> Iterable[int]:
        """At most twice `most`."""
        front = self._front.numbers()
        if len(front) > self._most:
            last, gaps = len(front) - 1, max(1, self._most - 1)
            front = tuple(front[round(step * last / gaps)] for step in range(gaps + 1))
        return (*self._latest, *front)
