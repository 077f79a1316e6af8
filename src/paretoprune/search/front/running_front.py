"""An incremental Pareto front, updated trial by trial without revisiting earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from paretoprune.metrics import Direction
from paretoprune.results import TrialResult
from paretoprune.search.front.front import as_costs, objective_values


class RunningFront:
    """The front of the trials added so far, in any order; gives the same numbers as `front_of`."""

    def __init__(self, objectives: Mapping[str, Direction]) -> None:
        self._objectives = objectives
        self._members = np.empty(0, dtype=np.int64)  # trial numbers, unordered
        self._costs = np.empty((0, len(objectives)))  # one row for each member
        self._ordered: tuple[int, ...] | None = ()

    def add(self, result: TrialResult) -> None:
        """Add a trial: it may join the front and remove the members that it dominates."""
        values = objective_values(result.metrics, self._objectives)
        if result.state == "complete" and values is not None:
            self.put(result.number, values)

    def put(self, number: int, values: Sequence[float]) -> None:
        """Add a trial by the values of its objectives."""
        new = as_costs([values], list(self._objectives.values()))
        no_worse = (self._costs <= new).all(axis=1)
        no_better = (self._costs >= new).all(axis=1)
        # Of equal points the lower number is kept.
        if (no_worse & (~no_better | (self._members < number))).any():
            return
        self._members = np.append(self._members[~no_better], number)
        self._costs = np.vstack([self._costs[~no_better], new])
        self._ordered = None

    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of the front, ordered by the last objective."""
        if self._ordered is None:
            order = np.lexsort((self._members, *self._costs.T))
            self._ordered = tuple(self._members[order].tolist())
        return self._ordered
