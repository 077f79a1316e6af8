"""What a sampler sees of a long study: some of the front and the latest trials, not everything."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Container, Mapping, Sequence

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from paretoprune.results import Direction
from paretoprune.search.running_front import RunningFront


class WindowStorage(InMemoryStorage):
    """Optuna's storage in memory, for one study, of which it shows samplers a bounded part.

    Shown are the trials under way, the `most` latest of the complete ones, and the front, so that
    asking takes no longer the more trials there are. Of a front of more than `most`, so many are
    shown: both ends and evenly between them, in the order of the first objective. Failed trials are
    not shown: no sampler learns from them. All of this follows from the order in which trials were
    told. A single trial can be looked up by its id, shown or not.
    """

    def __init__(self, objectives: Mapping[str, Direction], *, most: int) -> None:
        super().__init__()
        self._most = most
        self._under_way: set[int] = set()  # ids, as all here
        self._latest: deque[int] = deque(maxlen=most)
        self._front = RunningFront(objectives)

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
        shown = sorted({*self._under_way, *self._latest, *self._of_the_front()})
        trials = [self.get_trial(trial_id) for trial_id in shown]
        found = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def _of_the_front(self) -> Sequence[int]:
        front = self._front.numbers()
        if len(front) <= self._most:
            return front
        ordered = sorted(front, key=lambda trial_id: self.get_trial(trial_id).values[0])
        last, gaps = len(ordered) - 1, max(1, self._most - 1)
        return [ordered[round(step * last / gaps)] for step in range(gaps + 1)]

    def _note(self, trial_id: int) -> None:
        trial = self.get_trial(trial_id)
        if not trial.state.is_finished():
            self._under_way.add(trial_id)
            return
        self._under_way.discard(trial_id)
        if trial.state == TrialState.COMPLETE:
            self._latest.append(trial_id)
            if all(value <= 0 for value in trial.constraints.values()):
                self._front.put(trial_id, trial.values)
